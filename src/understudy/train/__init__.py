"""From token shards to a model, in one loop. `stage.STAGE` is the way in."""
