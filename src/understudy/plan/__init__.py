"""What a recipe costs and gives, before any of it is spent: fits? hours? money? which model, how many tokens?"""
