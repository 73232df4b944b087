"""`python -m course.fernhill` embeds every article anew and writes `data/fernhill/embeddings.npy`."""

import numpy as np

from course.embedding import embed
from course.fernhill.records import FOLDER, articles

if __name__ == "__main__":
    np.save(FOLDER / "embeddings.npy", embed([article.text for article in articles()]))
