"""What a recipe costs and gives, before any of it is spent: fits? hours? money? which model, how many tokens?"""

from understudy.plan.alternatives import make_plan as make_plan
from understudy.plan.machines import TrainingMachine as TrainingMachine
from understudy.plan.record import Plan as Plan

__all__ = ["Plan", "TrainingMachine", "make_plan"]
