"""The contracts every part agrees on: recipe, artifact, stage, engine, events. No torch, no network, no heavy import."""
