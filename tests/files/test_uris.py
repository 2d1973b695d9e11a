from pathlib import Path

import pytest

from epitoma.files.uris import has_credentials, hide_secrets, is_address, without_secrets


def test_what_is_an_address():
    assert is_address("s3://bucket/video.mp4")
    assert is_address("HTTPS://host/video.mp4")
    assert not is_address("video.mp4")
    assert not is_address("/data/odd://name.mp4")
    assert not is_address("./://../secret")
    assert not is_address(Path("/data/video.mp4"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://me:hush@host/a.mp4", "https://...@host/a.mp4"),
        ("https://hush@host:8080/a.mp4", "https://...@host:8080/a.mp4"),
        ("postgresql+psycopg2://me:hu/sh@db:5432/mlflow", "postgresql+psycopg2://...@db:5432/mlflow"),
        ("s3://AKIAKEY:hush+and/hush@bucket/a.mp4", "s3://...@bucket/a.mp4"),
        ("https://h/a?X-Amz-Signature=hush&x=1", "https://h/a?X-Amz-Signature=...&x=1"),
        ("https://h/a?X-Amz-Security-Token=hush", "https://h/a?X-Amz-Security-Token=..."),
        ("https://h/a?sv=2&sig=hush%3D#t", "https://h/a?sv=2&sig=...#t"),
        ("mysql://db/m?user=me&password=hush", "mysql://db/m?user=me&password=..."),
    ],
)
def test_secrets_of_an_address_are_not_said(address, said):
    assert without_secrets(address) == said
    assert (
        hide_secrets(f"cannot reach '{address}' (or {address} again)")
        == f"cannot reach '{said}' (or {said} again)"
    )


@pytest.mark.parametrize(
    "plain",
    [
        "http://127.0.0.1:5000/api",
        "sqlite:////runs/mlflow.db",
        "gs://anonymous@bucket/a.mp4",
        "/data/me:hush@host/a.mp4",
        "nobody@example.org asks http://host:80/x about a@b",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(plain):
    assert without_secrets(plain) == hide_secrets(plain) == plain
    assert not has_credentials(plain)
