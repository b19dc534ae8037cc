"""`datasets`: every config and split, loaded and streamed."""

from __future__ import annotations

from common import REPOS, REVISION, report
from datasets import load_dataset
from seen import seen

loaded, streamed, types = {}, {}, {}
for repo, configs in REPOS.items():
    assert load_dataset(repo, revision=REVISION)  # without a config: the default one
    for config in configs:
        for split, rows in load_dataset(repo, config, revision=REVISION).items():
            name = f"{repo}/{config}/{split}"
            loaded[name] = seen(list(rows))
            types[name] = {column.name: str(column.type) for column in rows.features.arrow_schema}
            stream = load_dataset(repo, config, split=split, revision=REVISION, streaming=True)
            streamed[name] = seen(list(stream))
report("datasets", loaded=loaded, streamed=streamed, types=types)
