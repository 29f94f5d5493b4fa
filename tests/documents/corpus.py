"""Odd and hostile documents, each with what has to come of it (`builders` makes them)."""

import random
import struct

import pikepdf

from tests.documents.builders import (
    archive,
    boxed,
    by_hand,
    edited,
    flat_ods,
    form,
    garbled,
    lines,
    orientation,
    page_of,
    picture,
    png_bomb,
    stamped,
    tiff,
    turned,
    with_picture,
    word,
)
from tests.support.pdfs import blank, encrypted

#: A number of pages, the reason of a refusal, or `any`: pages, or a reason. `office` is for
#: LibreOffice to decide.
Expected = int | str
Case = tuple[str, bytes, Expected]  #: name of the file, content, what comes of it

INVALID, ENCRYPTED = "file_format_invalid", "document_encrypted"
MANY, NO_PAGES = "page_count_limit_exceeded", "document_without_pages"
LETTER = lines()

CASES: tuple[Case, ...] = (
    # what is usual
    ("letter.pdf", LETTER, 1),
    ("three pages.pdf", lines(3), 3),
    ("us letter.pdf", lines(1, "letter"), 1),
    ("a5.pdf", lines(1, (420, 595)), 1),
    ("a3.pdf", lines(1, (842, 1191)), 1),
    ("landscape.pdf", lines(1, (842, 595)), 1),
    ("stamp-sized.pdf", boxed(MediaBox=[0, 700, 90, 760]), 1),
    ("receipt.pdf", lines(1, (227, 2400)), 3),
    ("banner.pdf", lines(1, (5000, 600)), 6),
    *((f"turned {angle}.pdf", turned(angle), 1) for angle in (90, 180, 270)),
    ("turned 45.pdf", turned(45), 1),
    (
        "turned by a word.pdf",
        edited(lambda p: p.pages[0].obj.__setitem__("/Rotate", pikepdf.Name.Left)),
        1,
    ),
    ("form.pdf", form(appearances=True), 1),
    ("form with looks.pdf", form(appearances=False), 1),
    ("stamp.pdf", stamped(), 1),
    ("text.txt", b"Dear all,\n\nthis is text.\n", 1),
    ("umlauts.txt", "Grüße, señor €5\n".encode(), 1),
    ("windows.txt", "Grüße, señor €5\r\n".encode("cp1252"), 1),
    ("utf-16.txt", "Grüße\n".encode("utf-16"), 1),
    ("form feed.txt", b"one\ftwo\fthree", 3),
    ("one line.txt", b"word " * 40000, 36),
    ("nothing but spaces.txt", b" \n \n\n", NO_PAGES),
    ("scan.jpg", picture("JPEG"), 1),
    ("drawing.png", picture("PNG"), 1),
    ("clear.png", picture("PNG", "RGBA"), 1),
    ("palette.png", picture("PNG", "P"), 1),
    ("16 bits.png", picture("PNG", "I;16"), 1),
    ("cmyk.jpg", picture("JPEG", "CMYK"), 1),
    ("turned by exif.jpg", picture("JPEG", exif=orientation(6)), 1),
    ("old.gif", picture("GIF", "P"), 1),
    ("old.bmp", picture("BMP"), 1),
    ("new.webp", picture("WEBP"), 1),
    ("fax.tif", tiff(3, compression="group4", dpi=(204, 98)), 3),
    ("group 3.tif", tiff(2, compression="group3"), 2),
    ("lzw.tif", tiff(1, compression="tiff_lzw"), 1),
    ("letter.docx", word(), 1),
    ("letter.rtf", rb"{\rtf1\ansi A letter\par}", 1),
    ("sheet.ods", flat_ods(), 1),
    # pictures inside of PDFs
    ("grey.pdf", with_picture(), 1),
    ("cmyk.pdf", with_picture(ColorSpace=pikepdf.Name.DeviceCMYK, data=bytes(40000)), 1),
    ("jbig2.pdf", with_picture(Filter=pikepdf.Name.JBIG2Decode, BitsPerComponent=1), 1),
    ("no such filter.pdf", with_picture(Filter=pikepdf.Name.NoSuchDecode), 1),
    ("too little data.pdf", with_picture(data=b"12"), 1),
    ("huge picture.pdf", with_picture(Width=200000, Height=200000), 1),
    # boxes
    ("below zero.pdf", boxed(MediaBox=[-300, -400, 295, 442]), 1),
    ("cropped.pdf", boxed(CropBox=[100, 100, 400, 500]), 1),
    ("crop outside.pdf", boxed(CropBox=[5000, 5000, 6000, 6000]), 1),
    ("no size.pdf", boxed(MediaBox=[0, 0, 0, 0]), 1),
    ("backwards.pdf", boxed(MediaBox=[595, 842, 0, 0]), 1),
    ("as large as a field.pdf", boxed(MediaBox=[0, 0, 14400, 14400]), 1),
    ("a mile long.pdf", boxed(MediaBox=[0, 0, 100, 14400]), 18),
    ("beyond numbers.pdf", boxed(MediaBox=[0, 0, 1e30, 1e30]), "any"),
    ("no fonts.pdf", page_of(b"BT /F9 40 Tf 100 500 Td (No such font) Tj ET"), 1),
    ("unknown operators.pdf", page_of(b"1 2 3 foo bar ( q Q Q Q Q ET"), 1),
    ("never closed.pdf", page_of(b"q " * 1_000_000), "conversion_timeout"),
    # refused
    ("empty.pdf", b"", "document_empty"),
    ("no pages.pdf", blank(0), NO_PAGES),
    ("encrypted.pdf", encrypted(), ENCRYPTED),
    ("too many.pdf", blank(60), MANY),
    ("too many.txt", b"\f".join([b"x"] * 60), MANY),
    ("too many.tif", tiff(60), MANY),
    ("ten miles long.pdf", page_of(b"", MediaBox=[0, 0, 100, 14400], UserUnit=10), MANY),
    ("cut off.pdf", LETTER[: len(LETTER) // 2], INVALID),
    ("head alone.pdf", b"%PDF-1.7\n", INVALID),
    ("head and tail.pdf", b"%PDF-1.7\n%%EOF", INVALID),
    ("noise.pdf", b"%PDF-1.7\n" + random.Random(1).randbytes(5000) + b"\n%%EOF", INVALID),
    ("text.pdf", b"Only called a PDF", INVALID),
    (
        "a loop of pages.pdf",
        by_hand("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
        INVALID,
    ),
    ("no root.pdf", by_hand("<< >>"), INVALID),
    (
        "a million pages, it says.pdf",
        by_hand("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 1000000 >>"),
        NO_PAGES,
    ),
    ("program.exe", b"MZ" + bytes(range(256)) * 20, INVALID),
    ("noise.bin", random.Random(2).randbytes(4000), INVALID),
    ("archive.zip", archive(**{"a.txt": b"text"}), INVALID),
    ("broken.docx", word()[:300], INVALID),
    (
        "protected.docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(512)
        + ("EncryptedPackage".encode("utf-16-le"))
        + bytes(512),
        ENCRYPTED,
    ),
    ("entities.docx", word(entities=True), "office"),
    ("cut off.png", picture("PNG")[:200], INVALID),
    ("cut off.jpg", picture("JPEG")[:300], INVALID),
    ("cut off.tif", tiff(2)[:500], INVALID),
    ("bomb.png", png_bomb(60000, 60000), "document_too_large"),
    ("head alone.png", b"\x89PNG\r\n\x1a\n", INVALID),
    ("head alone.tif", b"II*\0", INVALID),
    ("loop.tif", b"II*\0" + struct.pack("<IHI", 8, 0, 8), INVALID),
    # damaged at random: a document, or a reason
    *((f"garbled {seed}.pdf", garbled(lines(2), seed), "any") for seed in range(6)),
    *((f"garbled {seed}.png", garbled(picture("PNG"), seed), "any") for seed in range(6)),
    ("garbled.docx", garbled(word(), 7), "any"),
)
