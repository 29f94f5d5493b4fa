"""Makers of documents, usual, odd and hostile."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

import pikepdf
from fpdf import FPDF
from PIL import Image, ImageDraw


def lines(pages: int = 1, size: str | tuple[float, float] = "A4", text: str = "Page") -> bytes:
    pdf = FPDF(unit="pt", format=size)
    pdf.set_font("Helvetica", "", 20)
    for number in range(pages):
        pdf.add_page()
        pdf.cell(0, 30, f"{text} {number + 1}")
    return bytes(pdf.output())


def edited(change: Callable[[pikepdf.Pdf], None], data: bytes | None = None) -> bytes:
    """Return a PDF with something changed in its objects."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data or lines())) as pdf:
        change(pdf)
        pdf.save(out, static_id=True)
    return out.getvalue()


def by_hand(*objects: str, root: int = 1) -> bytes:
    """Return a PDF of these objects, as they are."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for place in places:
        out += f"{place:010} 00000 n \n".encode()
    out += f"trailer << /Size {len(objects) + 1} /Root {root} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def page_of(content: bytes, **page: object) -> bytes:
    """Return a PDF of one page with this content stream."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj["/Contents"] = pdf.make_stream(content)
        for key, value in page.items():
            pdf.pages[0].obj[f"/{key}"] = value

    return edited(change)


def picture(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (400, 500), **more: object
) -> bytes:
    image = Image.new(mode, size, 1 if mode == "1" else "white" if mode in ("RGB", "L") else 0)
    if mode in ("RGB", "L", "CMYK", "RGBA"):
        ImageDraw.Draw(image).ellipse((50, 50, 350, 350), outline="black", width=9)
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def with_picture(**keys: object) -> bytes:
    """Return a PDF with a picture of 100 x 100, its dictionary as given."""

    def change(pdf: pikepdf.Pdf) -> None:
        data = keys.pop("data", bytes(10000))
        assert isinstance(data, bytes)
        image = pdf.make_stream(
            data,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=100,
            Height=100,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceGray,
        )
        for key, value in keys.items():
            image[f"/{key}"] = value
        page = pdf.pages[0].obj
        page["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=image))
        page["/Contents"] = pdf.make_stream(b"q 300 0 0 300 100 300 cm /I Do Q")

    return edited(change)


def png_bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few kilobytes that says it has very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(99999)))
        + chunk(b"IEND", b"")
    )


def word(text: str = "A letter", *, bomb: bool = False, entities: bool = False) -> bytes:
    """Return a DOCX with one paragraph."""
    body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    doctype = ""
    if entities:
        doctype = (
            "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>"
            + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(8))
            + "]>"
        )
        body = "<w:p><w:r><w:t>&i;</w:t></w:r></w:p>"
    if bomb:
        body *= 2_000_000
    parts = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
        'package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.'
        'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/'
        'xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
        'package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        "</Relationships>",
        "word/document.xml": f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="http://schemas.'
        f'openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def form(*, appearances: bool) -> bytes:
    """Return a form with one filled field that its viewer has to draw."""

    def change(pdf: pikepdf.Pdf) -> None:
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="name",
                V="Filled in by hand",
                DA="/Helv 18 Tf 0 g",
                F=4,
                Rect=pikepdf.Array([100, 600, 400, 640]),
            )
        )
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([field])
        font = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
            )
        )
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(
            Fields=pikepdf.Array([field]),
            NeedAppearances=appearances,
            DA="/Helv 18 Tf 0 g",
            DR=pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=font)),
        )

    return edited(change, lines(text=""))


def stamped() -> bytes:
    """Return a page with an annotation that has an appearance of its own."""

    def change(pdf: pikepdf.Pdf) -> None:
        look = pdf.make_stream(
            b"0 0 0 rg 0 0 200 100 re f",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=pikepdf.Array([0, 0, 200, 100]),
        )
        pdf.pages[0].obj["/Annots"] = pikepdf.Array(
            [
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Annot,
                    Subtype=pikepdf.Name.Stamp,
                    F=4,
                    Rect=pikepdf.Array([100, 300, 300, 400]),
                    AP=pikepdf.Dictionary(N=look),
                )
            ]
        )

    return edited(change, lines(text=""))


def turned(angle: int) -> bytes:
    return edited(lambda pdf: pdf.pages[0].obj.__setitem__("/Rotate", angle))


def boxed(**boxes: list[float]) -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        for key, box in boxes.items():
            pdf.pages[0].obj[f"/{key}"] = pikepdf.Array(box)

    return edited(change)


def tiff(frames: int, **more: object) -> bytes:
    out = io.BytesIO()
    pages = [Image.new("1", (1728, 1100), 1) for _ in range(frames)]
    for number, page in enumerate(pages):
        ImageDraw.Draw(page).text((100, 100), f"page {number + 1}", fill=0)
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], **more)
    return out.getvalue()


def garbled(data: bytes, seed: int, changes: int = 40) -> bytes:
    dice = random.Random(seed)
    made = bytearray(data)
    for _ in range(changes):
        made[dice.randrange(20, len(made) - 40)] = dice.randrange(256)
    return bytes(made)


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def flat_ods() -> bytes:
    content = (
        '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:'
        'opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">'
        '<office:body><office:spreadsheet><table:table table:name="S"><table:table-row>'
        '<table:table-cell office:value-type="string"><text:p>cell</text:p></table:table-cell>'
        "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:'
        f'xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    return archive(
        **{
            "mimetype": kind.encode(),
            "META-INF/manifest.xml": manifest.encode(),
            "content.xml": content.encode(),
        }
    )
