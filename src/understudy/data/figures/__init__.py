"""What is told of a corpus beside its documents, each from the judged catalog.

funnel, breakdown     what each check left out: in all, and by language, licence and repository ─▶ funnel.json
statistics            how much there is of what ─▶ statistics.json
licenses              what it may be used for ─▶ licenses.json
redactions            what was taken out, place by place ─▶ redactions.parquet
"""
