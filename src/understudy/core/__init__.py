"""The contracts every part agrees on: recipe, artifact, stage, engine, events. No torch, no heavy import."""
