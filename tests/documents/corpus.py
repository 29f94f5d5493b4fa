"""Odd and hostile documents, made here: each with what has to come of it.

What is expected is a number of pages, or the reason of a refusal.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pikepdf
from fpdf import FPDF
from PIL import Image, ImageDraw

from tests.support.pdfs import blank, encrypted

Expected = int | str
Case = tuple[str, bytes, Expected]  #: name of the file, content, what comes of it


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


def cases() -> Iterator[Case]:
    invalid, encrypted_ = "file_format_invalid", "document_encrypted"
    many, empty = "page_count_limit_exceeded", "document_without_pages"
    a4 = lines()
    # ---- what is usual
    yield "letter.pdf", a4, 1
    yield "three pages.pdf", lines(3), 3
    yield "us letter.pdf", lines(1, "letter"), 1
    yield "a5.pdf", lines(1, (420, 595)), 1
    yield "a3.pdf", lines(1, (842, 1191)), 1
    yield "landscape.pdf", lines(1, (842, 595)), 1
    yield "stamp-sized.pdf", boxed(MediaBox=[0, 700, 90, 760]), 1
    yield "receipt.pdf", lines(1, (227, 2400)), 3
    yield "banner.pdf", lines(1, (5000, 600)), 6
    for angle in (90, 180, 270):
        yield f"turned {angle}.pdf", turned(angle), 1
    yield "turned 45.pdf", turned(45), 1
    yield (
        "turned by a word.pdf",
        edited(lambda p: p.pages[0].obj.__setitem__("/Rotate", pikepdf.Name.Left)),
        1,
    )
    yield "form.pdf", form(appearances=True), 1
    yield "form with looks.pdf", form(appearances=False), 1
    yield "stamp.pdf", stamped(), 1
    yield "text.txt", b"Dear all,\n\nthis is text.\n", 1
    yield "umlauts.txt", "Grüße, señor €5\n".encode(), 1
    yield "windows.txt", "Grüße, señor €5\r\n".encode("cp1252"), 1
    yield "utf-16.txt", "Grüße\n".encode("utf-16"), 1
    yield "form feed.txt", b"one\ftwo\fthree", 3
    yield "one line.txt", b"word " * 40000, 36
    yield "nothing but spaces.txt", b" \n \n\n", empty
    yield "scan.jpg", picture("JPEG"), 1
    yield "drawing.png", picture("PNG"), 1
    yield "clear.png", picture("PNG", "RGBA"), 1
    yield "palette.png", picture("PNG", "P"), 1
    yield "16 bits.png", picture("PNG", "I;16"), 1
    yield "cmyk.jpg", picture("JPEG", "CMYK"), 1
    yield "turned by exif.jpg", picture("JPEG", exif=_orientation(6)), 1
    yield "old.gif", picture("GIF", "P"), 1
    yield "old.bmp", picture("BMP"), 1
    yield "new.webp", picture("WEBP"), 1
    yield "fax.tif", tiff(3, compression="group4", dpi=(204, 98)), 3
    yield "group 3.tif", tiff(2, compression="group3"), 2
    yield "lzw.tif", tiff(1, compression="tiff_lzw"), 1
    yield "letter.docx", word(), 1
    yield "letter.rtf", rb"{\rtf1\ansi A letter\par}", 1
    yield "sheet.ods", _flat_ods(), 1
    # ---- pictures inside of PDFs
    yield "grey.pdf", with_picture(), 1
    yield "cmyk.pdf", with_picture(ColorSpace=pikepdf.Name.DeviceCMYK, data=bytes(40000)), 1
    yield "jbig2.pdf", with_picture(Filter=pikepdf.Name.JBIG2Decode, BitsPerComponent=1), 1
    yield "no such filter.pdf", with_picture(Filter=pikepdf.Name.NoSuchDecode), 1
    yield "too little data.pdf", with_picture(data=b"12"), 1
    yield "huge picture.pdf", with_picture(Width=200000, Height=200000), 1
    # ---- boxes
    yield "below zero.pdf", boxed(MediaBox=[-300, -400, 295, 442]), 1
    yield "cropped.pdf", boxed(CropBox=[100, 100, 400, 500]), 1
    yield "crop outside.pdf", boxed(CropBox=[5000, 5000, 6000, 6000]), 1
    yield "no size.pdf", boxed(MediaBox=[0, 0, 0, 0]), 1
    yield "backwards.pdf", boxed(MediaBox=[595, 842, 0, 0]), 1
    yield "as large as a field.pdf", boxed(MediaBox=[0, 0, 14400, 14400]), 1
    yield "a mile long.pdf", boxed(MediaBox=[0, 0, 100, 14400]), 18
    yield "beyond numbers.pdf", boxed(MediaBox=[0, 0, 1e30, 1e30]), "any"
    yield "no fonts.pdf", page_of(b"BT /F9 40 Tf 100 500 Td (No such font) Tj ET"), 1
    yield "unknown operators.pdf", page_of(b"1 2 3 foo bar ( q Q Q Q Q ET"), 1
    yield "never closed.pdf", page_of(b"q " * 1_000_000), "conversion_timeout"
    # ---- refused
    yield "empty.pdf", b"", "document_empty"
    yield "no pages.pdf", blank(0), empty
    yield "encrypted.pdf", encrypted(), encrypted_
    yield "too many.pdf", blank(60), many
    yield "too many.txt", b"\f".join([b"x"] * 60), many
    yield "too many.tif", tiff(60), many
    yield "ten miles long.pdf", page_of(b"", MediaBox=[0, 0, 100, 14400], UserUnit=10), many
    yield "cut off.pdf", a4[: len(a4) // 2], invalid
    yield "head alone.pdf", b"%PDF-1.7\n", invalid
    yield "head and tail.pdf", b"%PDF-1.7\n%%EOF", invalid
    yield "noise.pdf", b"%PDF-1.7\n" + random.Random(1).randbytes(5000) + b"\n%%EOF", invalid
    yield "text.pdf", b"Only called a PDF", invalid
    yield (
        "a loop of pages.pdf",
        by_hand("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
        invalid,
    )
    yield "no root.pdf", by_hand("<< >>"), invalid
    yield (
        "a million pages, it says.pdf",
        by_hand("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 1000000 >>"),
        empty,
    )
    yield "program.exe", b"MZ" + bytes(range(256)) * 20, invalid
    yield "noise.bin", random.Random(2).randbytes(4000), invalid
    yield "archive.zip", archive(**{"a.txt": b"text"}), invalid
    yield "broken.docx", word()[:300], invalid
    yield (
        "protected.docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(512)
        + ("EncryptedPackage".encode("utf-16-le"))
        + bytes(512),
        encrypted_,
    )
    yield "entities.docx", word(entities=True), "office"
    yield "cut off.png", picture("PNG")[:200], invalid
    yield "cut off.jpg", picture("JPEG")[:300], invalid
    yield "cut off.tif", tiff(2)[:500], invalid
    yield "bomb.png", png_bomb(60000, 60000), "document_too_large"
    yield "head alone.png", b"\x89PNG\r\n\x1a\n", invalid
    yield "head alone.tif", b"II*\0", invalid
    yield "loop.tif", b"II*\0" + struct.pack("<IHI", 8, 0, 8), invalid
    # ---- damaged at random: a document, or a reason
    for seed in range(6):
        yield f"garbled {seed}.pdf", garbled(lines(2), seed), "any"
        yield f"garbled {seed}.png", garbled(picture("PNG"), seed), "any"
    yield "garbled.docx", garbled(word(), 7), "any"


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _flat_ods() -> bytes:
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
