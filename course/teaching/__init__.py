"""Notes for teachers, `docs/teaching/NN.md`: what the lesson gives is made, what a teacher says is written between it.

`note` reads such a file, `outline` says what a lesson holds, `made` puts that into Markdown, `notes` writes and proves the files.
"""
