"""`python -m course.dataset` embeds every document anew and writes `data/embeddings.npy`."""

import numpy as np

from course.dataset import documents
from course.embedding import embed
from course.home import DATA

if __name__ == "__main__":
    np.save(DATA / "embeddings.npy", embed([document.text for document in documents()]))
