"""The merchant's pages as a browser sees them: looking, and sending forms with files."""

import io

PRODUCT = {
    "name": "Miel de garrigue",
    "price": "8,90",
    "text": "Pot",
    "section": "Épicerie",
    "stock": "5",
    "vat": "550",
}
SELLER = {"legal_name": "Épicerie SARL", "legal_address": "12 quai, Sète", "contact_email": "contact@epicerie.fr"}


def page(client, path, status=200) -> str:
    answer = client.get(f"/en{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def send(client, path, data=None, status=303, **files) -> str:
    fields = {name: (io.BytesIO(content), "photo.jpg") for name, content in files.items()}
    answer = client.post(f"/en{path}", data={**(data or {}), **fields}, content_type="multipart/form-data")
    # A large body went through a file of the test client's.
    answer.request.environ["wsgi.input"].close()
    assert answer.status_code == status, answer.text
    return answer.text
