"""The data is what its README says: sizes, schema, references, nothing said twice."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from course import dataset
from course.dataset import scaling
from course.errors import InputError
from course.home import DATA, ROOT

SENTENCE = re.compile(r"[^.!?\n]+")


def words(text):
    return text.split()


def test_sizes():
    assert len(dataset.users()) == 40
    assert len(dataset.documents()) == 300
    assert len(dataset.settings()) == 40
    assert len(dataset.chats()) == 36
    assert len(dataset.questions()) == 60
    assert len({document.field for document in dataset.documents()}) == 12
    assert Counter(question.kind for question in dataset.questions()) == {"words": 20, "exact": 20, "mixed": 20}


@pytest.mark.parametrize("name", ["users", "settings", "chats", "messages", "documents", "questions"])
def test_every_line_has_exactly_the_fields_of_its_record(name):
    lines = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    record = getattr(dataset, name)()[0]
    for line in lines:
        assert set(line) == set(record.__dataclass_fields__), line


@pytest.mark.parametrize("name", ["users", "chats", "messages", "documents", "questions"])
def test_ids_are_unique_and_in_order(name):
    ids = [record.id for record in getattr(dataset, name)()]
    assert ids == sorted(set(ids))


def test_references_lead_somewhere():
    users = {user.id for user in dataset.users()}
    chats = {chat.id for chat in dataset.chats()}
    documents = {document.id for document in dataset.documents()}
    assert {entry.user_id for entry in dataset.settings()} == users
    assert {chat.user_id for chat in dataset.chats()} <= users
    assert {message.chat_id for message in dataset.messages()} == chats
    assert {document.user_id for document in dataset.documents()} == users
    for question in dataset.questions():
        assert set(question.relevant) <= documents
        assert set(question.relevant.values()) <= {1, 2}
        assert 2 in question.relevant.values(), f"nothing answers question {question.id}"


def test_documents_have_40_to_90_words():
    assert [(d.id, len(words(d.content))) for d in dataset.documents() if not 40 <= len(words(d.content)) <= 90] == []


def test_no_two_documents_share_a_sentence():
    seen: dict[str, int] = {}
    for document in dataset.documents():
        for sentence in {" ".join(words(s.lower())) for s in SENTENCE.findall(document.content)}:
            if len(words(sentence)) >= 4:
                assert sentence not in seen, f"documents {seen[sentence]} and {document.id} share: {sentence}"
                seen[sentence] = document.id


def test_no_two_documents_share_a_title_or_a_long_run_of_words():
    assert len({document.title.lower() for document in dataset.documents()}) == 300
    seen: dict[str, int] = {}
    for document in dataset.documents():
        tokens = re.findall(r"\w+", document.content.lower())
        for start in range(len(tokens) - 7):
            run = " ".join(tokens[start : start + 8])
            assert seen.setdefault(run, document.id) == document.id, f"{seen[run]} and {document.id}: {run}"


def test_questions_by_words_do_not_repeat_the_titles_they_look_for():
    title_of = {document.id: document.title.lower() for document in dataset.documents()}
    for question in dataset.questions():
        if question.kind == "words":
            assert not any(title_of[id] in question.text.lower() for id in question.relevant)


def test_an_exact_question_has_a_word_of_its_document_that_few_others_have():
    text_of = {document.id: document.text.lower() for document in dataset.documents()}
    for question in dataset.questions():
        if question.kind == "exact":
            tokens = re.findall(r"[\w./-]*\w", question.text.lower())
            rarest = min(sum(token in text for text in text_of.values()) or 301 for token in tokens)
            assert rarest <= 4, f"question {question.id} has no rare word: {question.text}"


def test_mail_addresses_are_reserved_names():
    assert all(user.email.endswith("@lumen.example") for user in dataset.users())
    assert len({user.email for user in dataset.users()}) == 40


def test_users_joined_before_they_wrote():
    joined = {user.id: user.days_ago for user in dataset.users()}
    assert all(document.days_ago < joined[document.user_id] for document in dataset.documents())
    assert all(chat.days_ago < joined[chat.user_id] for chat in dataset.chats())


def test_few_documents_are_premium_and_of_the_last_seven_days():
    """Lessons on filters need a narrow one: a few documents in a hundred."""
    premium = {user.id for user in dataset.users() if user.subscription == "premium"}
    recent = [d for d in dataset.documents() if d.days_ago < 7 and d.user_id in premium]
    assert 5 <= len(recent) <= 12
    assert not any(document.days_ago == 7 for document in dataset.documents()), "a document on the border of seven days"


def test_scaled_documents_are_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "one"))
    made, cached = dataset.scaled(500), dataset.scaled(500)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "two"))
    again, other = dataset.scaled(500), dataset.scaled(500, seed=15)
    assert made.documents == cached.documents == again.documents
    assert np.array_equal(made.vectors, cached.vectors)
    assert np.array_equal(made.vectors, again.vectors)
    assert not np.array_equal(made.vectors, other.vectors)
    assert list((tmp_path / "one" / "cache").glob("*.npy"))


def test_scaled_documents_look_like_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    made, real = dataset.scaled(3000), dataset.embeddings()
    assert (made.vectors.shape, made.vectors.dtype) == ((3000, 384), np.float32)
    assert np.allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)
    assert all("Synthetic" in document.title for document in made.documents)
    assert all(400 <= len(document.content) <= 600 for document in made.documents)
    assert {d.user_id for d in made.documents} == {user.id for user in dataset.users()}
    assert not {d.id for d in made.documents} & {d.id for d in dataset.documents()}
    assert {d.days_ago for d in made.documents} <= {d.days_ago for d in dataset.documents()}
    # Two documents of one field are about as close to each other as two real ones of it, and closer than two of any fields.
    field = np.array([d.field for d in made.documents])
    same, any_two = [], (made.vectors[:1000] @ made.vectors[1000:2000].T).mean()
    for name in set(field):
        members = made.vectors[field == name][:100]
        same.append((members @ members.T)[np.triu_indices(len(members), 1)].mean())
    real_field = np.array([d.field for d in dataset.documents()])
    real_same = [
        (real[real_field == name] @ real[real_field == name].T)[np.triu_indices(25, 1)].mean() for name in set(real_field)
    ]
    assert np.mean(same) > any_two + 0.05
    assert abs(np.mean(same) - np.mean(real_same)) < 0.08


@pytest.mark.parametrize("n", [0, -1, 2.5, "10"])
def test_scaled_refuses_what_is_no_count(n):
    with pytest.raises(InputError, match="whole number from 1 up"):
        dataset.scaled(n)


def test_more_users_share_the_same_documents(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    few, many, again = dataset.scaled(5_000), dataset.scaled(5_000, users=105), dataset.scaled(5_000, users=105)
    assert few.users == ()
    assert (many.users, many.documents) == (again.users, again.documents)
    assert [user.id for user in many.users] == list(range(41, 106))
    assert np.array_equal(few.vectors, many.vectors)
    assert [replace(d, user_id=0) for d in few.documents] == [replace(d, user_id=0) for d in many.documents]
    assert {d.user_id for d in many.documents} == set(range(1, 106))
    for before, after in zip(few.documents, many.documents, strict=True):
        assert (before.user_id - after.user_id) % 40 == 0, "somebody who does not take after its owner has a document"


def test_a_new_user_is_like_the_one_they_take_after_and_has_a_name_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    everybody = (*dataset.users(), *dataset.scaled(10, users=90).users)
    assert len({user.email for user in everybody}) == len({user.name for user in everybody}) == 90
    assert [user.subscription for user in everybody[40:80]] == [user.subscription for user in everybody[:40]]


@pytest.mark.parametrize("users", [39, 0, 50.0, "50"])
def test_scaled_refuses_fewer_users_than_there_are(users):
    with pytest.raises(InputError, match="whole number from 40 up"):
        dataset.scaled(10, users=users)


def test_vectors_that_are_made_in_chunks_are_those_that_are_made_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "one"))
    at_once = dataset.scaled(500).vectors
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "two"))
    monkeypatch.setattr(scaling, "CHUNK", 150)
    assert np.allclose(dataset.scaled(500).vectors, at_once, atol=1e-6)


def statements(sql):
    """The CREATE statements of an SQL text, comments and white space aside."""
    without_comments = re.sub(r"--.*", "", sql)
    return sorted(" ".join(words(part)) for part in without_comments.split(";") if part.strip().startswith("CREATE"))


def test_lessons_01_and_01b_build_the_tables_that_every_other_lesson_starts_with():
    names = ("01_build_three_databases", "01b_complete_the_application")
    sources = [(ROOT / "solutions" / f"{name}.md").read_text(encoding="utf-8") for name in names]
    cells = [cell for source in sources for cell in re.findall(r"```\{code-cell\} ipython3\n%%sql\n(.*?)```", source, re.DOTALL)]
    built = statements(";".join(cells).replace("IF NOT EXISTS ", ""))
    schema = statements((DATA / "schema.sql").read_text(encoding="utf-8"))
    assert built == [statement for statement in schema if "TABLE" in statement]
    assert len(built) == 5
