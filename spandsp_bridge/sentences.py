"""Explanations in other languages: they are stored in English, and said in the reader's language.

An explanation is made of phrases (`t38/outcome.py`, `outbound/policy.py`, `documents/`,
`sql/functions/queue.sql`). Each has a line here; `{}` stands for what varies. A phrase without a
line stays in English. tests/unit/test_sentences.py finds phrases that have none.
"""

import functools
import re

SPANISH = {
    # ---- how a call ended
    "the call ended normally": "la llamada terminó con normalidad",
    "a tone answered, but no fax machine behind it": "contestó un tono, pero sin fax detrás",
    "nobody identified itself as a fax machine": "nadie se identificó como fax",
    "the far end did not begin a fax in time": "el otro extremo no inició un fax a tiempo",
    "the far end's operator interrupted the fax": "alguien interrumpió el fax en el otro extremo",
    "the far end's signal did not stop in time": "la señal del otro extremo no cesó a tiempo",
    "no modem speed worked on this line": "ninguna velocidad de módem funcionó en esta línea",
    "the far machine is not compatible": "la máquina remota no es compatible",
    "the far machine cannot receive": "la máquina remota no puede recibir",
    "the far machine cannot send": "la máquina remota no puede enviar",
    "the far machine cannot print this resolution": "la máquina remota no imprime esta resolución",
    "the far machine cannot print this page size": "la máquina remota no imprime este tamaño",
    "the far machine sent something unexpected": "la máquina remota envió algo inesperado",
    "the far machine refused the speed test":
        "la máquina remota rechazó la prueba de velocidad",
    "the far machine hung up after a page": "la máquina remota colgó tras una página",
    "the far machine answered a page wrongly": "la máquina remota respondió mal a una página",
    "the far machine hung up before the fax began":
        "la máquina remota colgó antes de empezar el fax",
    "something answered, but not as a fax machine": "algo contestó, pero no como fax",
    "the far machine did not answer the speed test":
        "la máquina remota no respondió a la prueba de velocidad",
    "the far machine did not answer after a page":
        "la máquina remota no respondió tras una página",
    "the far machine stayed not ready for too long":
        "la máquina remota tardó demasiado en estar lista",
    "{} confirmed pages wrongly": "{} confirmó mal las páginas",
    "{} sent a command at the wrong time": "{} envió una orden a destiempo",
    "{} sent an unexpected command after a page":
        "{} envió una orden inesperada tras una página",
    "the signal was lost in the middle of a page": "se perdió la señal en mitad de una página",
    "a page stopped in the middle": "una página se cortó por la mitad",
    "no page came": "no llegó ninguna página",
    "{} did not say goodbye": "{} no se despidió",
    "{} fell silent after a page": "{} calló tras una página",
    "{} fell silent before a page": "{} calló antes de una página",
    "{} fell silent before the next page": "{} calló antes de la página siguiente",
    "{} fell silent while it was not ready": "{} calló sin estar listo",
    "{} fell silent": "{} calló",
    "{} hung up before the fax began": "{} colgó antes de empezar el fax",
    "{} hung up in the middle of a page": "{} colgó en mitad de una página",
    "{} hung up before a page ended": "{} colgó antes de acabar una página",
    "{} hung up between pages": "{} colgó entre dos páginas",
    "{} hung up while it was not ready": "{} colgó sin estar listo",
    "{} hung up instead of sending a page again": "{} colgó en vez de repetir una página",
    "the document's file could not be opened": "no se pudo abrir el archivo del documento",
    "a page is missing in the document's file": "falta una página en el archivo del documento",
    "the document's file has a wrong format": "el archivo del documento tiene otro formato",
    "a page of the document's file has no number":
        "una página del archivo del documento no tiene número",
    "a page of the document's file has wrong values":
        "una página del archivo del documento tiene valores incorrectos",
    "the document's file has a wrong header":
        "el archivo del documento tiene una cabecera incorrecta",
    "the fax engine ran out of memory": "el motor de fax se quedó sin memoria",
    "the far machine kept refusing a page": "la máquina remota rechazó una página una y otra vez",
    "the call dropped": "la llamada se cortó",
    "polling was refused": "se rechazó el sondeo",
    "the fax ended with T.30 code {}": "el fax terminó con el código T.30 {}",
    "the call reached its time limit": "la llamada llegó a su tiempo máximo",
    "a page could not be stored": "no se pudo guardar una página",
    "so it was not confirmed": "así que no se confirmó",
    "storing a page took too long to confirm it":
        "guardar una página tardó demasiado para confirmarla",
    "a page was lost on the line": "se perdió una página en la línea",
    "the fax had too many pages, or a page was too large":
        "el fax tenía demasiadas páginas, o una era demasiado grande",
    "the fax engine process ended in mid-call": "el motor de fax terminó en plena llamada",
    "a person or an answering machine answered, not a fax machine":
        "contestó una persona o un contestador, no un fax",
    "the call ended without every page confirmed":
        "la llamada terminó sin confirmar todas las páginas",
    "with {} confirmed": "con {} confirmadas",
    "every page was confirmed by the receiver": "el receptor confirmó todas las páginas",
    "with {} of {} pages confirmed": "con {} de {} páginas confirmadas",
    "every page was received and stored": "todas las páginas se recibieron y se guardaron",
    "cancelled in mid-call": "cancelado en plena llamada",
    "cancelled before it was sent": "cancelado antes de enviarse",
    "cancelled": "cancelado",
    "with {} of {} page(s) confirmed": "con {} de {} página(s) confirmadas",
    "with {} page(s) confirmed": "con {} página(s) confirmadas",
    # ---- what to do
    "check the number, and that a fax machine is switched on there":
        "compruebe el número y que haya un fax encendido allí",
    "send again; if it stays, lower the speed of the virtual fax":
        "envíelo otra vez; si persiste, baje la velocidad del fax virtual",
    "send again later": "envíelo más tarde",
    "send again later: the far machine may be out of paper or memory":
        "envíelo más tarde: puede que la máquina remota no tenga papel o memoria",
    "send again later, or ask the receiver to check the machine":
        "envíelo más tarde, o pida al receptor que revise la máquina",
    "ask the sender to send again": "pida al remitente que lo envíe otra vez",
    "free space on the bridge's disk, then ask the sender to send again":
        "libere espacio en el disco del puente y pida al remitente que lo envíe otra vez",
    "send again, and look at the bridge's log": "envíelo otra vez y mire el registro del puente",
    "send fewer pages, or raise VFAX_MAX_CALL_SECONDS":
        "envíe menos páginas, o suba VFAX_MAX_CALL_SECONDS",
    "raise VFAX_MAX_PAGES, or ask the sender to split the fax":
        "suba VFAX_MAX_PAGES, o pida al remitente que divida el fax",
    "check the number": "compruebe el número",
    "send in a lower resolution": "envíelo con menos resolución",
    "send in A4": "envíelo en A4",
    # ---- calls that never became a fax
    "the call was not permitted; ask the brand operator to check routes":
        "la llamada no está permitida; pida al operador de la marca que revise las rutas",
    "the number does not exist; check it": "el número no existe; compruébelo",
    "nobody answered, or the carrier was silent; send again later":
        "nadie contestó, o el operador calló; envíelo más tarde",
    "the number is no longer in use; check it": "el número ya no está en uso; compruébelo",
    "the far end refused the media that we offered":
        "el otro extremo rechazó los medios que ofrecimos",
    "the receiver is not available now; send again later":
        "el receptor no está disponible ahora; envíelo más tarde",
    "the number is incomplete; check it": "el número está incompleto; compruébelo",
    "the line is busy; send again later": "la línea está ocupada; envíelo más tarde",
    "the call was ended before it was answered; send again later":
        "la llamada terminó antes de contestarse; envíelo más tarde",
    "the line is busy everywhere; send again later":
        "la línea está ocupada en todas partes; envíelo más tarde",
    "the receiver declined the call": "el receptor rechazó la llamada",
    "the number does not exist anywhere; check it":
        "el número no existe en ninguna parte; compruébelo",
    "the carriers could not connect the call; send again later":
        "los operadores no pudieron conectar la llamada; envíelo más tarde",
    "the call failed with SIP {}": "la llamada falló con SIP {}",
    "the receiver hung up before the fax began; send again later":
        "el receptor colgó antes de empezar el fax; envíelo más tarde",
    "the call was answered, but the far end refused T.38":
        "se contestó la llamada, pero el otro extremo rechazó T.38",
    "use another carrier for this number, or allow fax over audio on the virtual fax":
        "use otro operador para este número, o permita fax por audio en el fax virtual",
    "the caller did not agree to T.38, and no fax was received":
        "quien llamaba no aceptó T.38 y no se recibió ningún fax",
    "ask the caller's provider to enable T.38, or allow fax over audio on the virtual fax":
        "pida al proveedor de quien llama que active T.38, o permita "
        "fax por audio en el fax virtual",
    # ---- what follows by itself
    "attempt {} follows by itself": "el intento {} sigue por sí solo",
    "tried once, as often as the rule for {} allows":
        "se intentó una vez, lo que permite la regla de {}",
    "tried {} times, as often as the rule for {} allows":
        "se intentó {} veces, lo que permite la regla de {}",
    "tried {} times, as often as any fax is tried":
        "se intentó {} veces, lo más que se intenta un fax",
    "tried once, as often as its virtual fax allows":
        "se intentó una vez, lo que permite su fax virtual",
    "tried {} times, as often as its virtual fax allows":
        "se intentó {} veces, lo que permite su fax virtual",
    "made coarser": "se rehízo con menos resolución",
    "fax {} went through in a lower resolution": "el fax {} pasó con menos resolución",
    # ---- when something of ours stopped
    "the fax bridge stopped in the middle of the call": "el puente de fax paró en plena llamada",
    "the confirmed pages were kept": "las páginas confirmadas se guardaron",
    "the sending process ended in mid-call after {} confirmed page(s)":
        "el proceso de envío terminó en plena llamada tras {} página(s) confirmada(s)",
    "the sending process ended in mid-call": "el proceso de envío terminó en plena llamada",
    "see its log": "vea su registro",
    "it goes on by itself": "sigue por sí solo",
    "check with the receiver, then send the fax again":
        "consulte al receptor y envíe el fax otra vez",
    "sending failed inside the fax system": "el envío falló dentro del sistema de fax",
    "the fax's virtual fax or its pages are gone":
        "el fax virtual del fax o sus páginas ya no están",
    "the fax engine did not answer; see the bridge's log":
        "el motor de fax no respondió; vea el registro del puente",
    "no engine process could be started": "no se pudo iniciar ningún motor de fax",
    "no fax engine process is running; see the bridge's log":
        "no hay ningún motor de fax en marcha; vea el registro del puente",
    # ---- documents
    "there is no document: give at least one file":
        "no hay documento: dé al menos un archivo",
    "{} is empty: give a document with a page": "{} está vacío: dé un documento con una página",
    "{} is no PDF, though it is called one: send the real one":
        "{} no es un PDF, aunque así se llame: envíe el verdadero",
    "{} is a damaged picture: open it and save it again":
        "{} es una imagen dañada: ábrala y guárdela otra vez",
    "{} is a damaged office document: save it again":
        "{} es un documento ofimático dañado: guárdelo otra vez",
    "{} is of no format that can be faxed: send PDF, TIFF, PNG, JPEG, plain text or an office "
    "document":
        "{} no tiene un formato que se pueda enviar: envíe PDF, TIFF, PNG, JPEG, texto o un "
        "documento ofimático",
    "{} is protected by a password: save it without one, then send it again":
        "{} está protegido con contraseña: guárdelo sin ella y envíelo otra vez",
    "{} is an office document, and LibreOffice is not installed here: send it as PDF":
        "{} es un documento ofimático y aquí no hay LibreOffice: envíelo como PDF",
    "{} cannot be read by LibreOffice: open it, save it as PDF, then send that":
        "LibreOffice no puede leer {}: ábralo, guárdelo como PDF y envíe eso",
    "{} has {} pages: at most {} can be faxed": "{} tiene {} páginas: se pueden enviar {}",
    "{} has {} pages: at most {} can be faxed, so split it":
        "{} tiene {} páginas: se pueden enviar {}, así que divídalo",
    "{} have {} pages: at most {} can be faxed, so split them":
        "{} tienen {} páginas: se pueden enviar {}, así que divídalos",
    "{} has more than {} pages: split it": "{} tiene más de {} páginas: divídalo",
    "{} has no text: nothing can be faxed": "{} no tiene texto: no hay nada que enviar",
    "{} has no pages: nothing can be faxed": "{} no tiene páginas: no hay nada que enviar",
    "{} has too many pixels: at most {} million can be faxed":
        "{} tiene demasiados píxeles: se pueden enviar {} millones",
    "{} is a PDF without its end: get the whole file":
        "{} es un PDF sin su final: consiga el archivo entero",
    "{} is a damaged PDF: open it in a viewer and save it again, then send that":
        "{} es un PDF dañado: ábralo en un visor, guárdelo otra vez y envíe eso",
    "the document needs more than {} pages of paper: split it":
        "el documento necesita más de {} páginas de papel: divídalo",
    "the document took longer than {} s to render: make it simpler or split it":
        "el documento tardó más de {} s en prepararse: simplifíquelo o divídalo",
    "the document could not be rendered: open it in a viewer and save it again, then send that":
        "no se pudo preparar el documento: ábralo en un visor, guárdelo otra vez y envíe eso",
    "the document could not be rendered: open it in a viewer and save it again as PDF, then "
    "send that":
        "no se pudo preparar el documento: ábralo en un visor, guárdelo como PDF y envíe eso",
    "the fax has {} pages with its cover page: at most {} can be faxed":
        "el fax tiene {} páginas con su portada: se pueden enviar {}",
    "{} has {} MiB: at most {} MiB can be faxed": "{} tiene {} MiB: se pueden enviar {} MiB",
    "the documents have {} MiB: at most {} MiB can be faxed":
        "los documentos tienen {} MiB: se pueden enviar {} MiB",
    "the cover page cannot be made of its template: {}":
        "no se puede hacer la portada con su plantilla: {}",
    # ---- numbers
    "{} is no telephone number: write it as +34911234567":
        "{} no es un número de teléfono: escríbalo como +34911234567",
    "{} is no telephone number: digits only, such as +34911234567":
        "{} no es un número de teléfono: solo cifras, como +34911234567",
    "{} has too few or too many digits for a telephone number":
        "{} tiene pocas o demasiadas cifras para un número de teléfono",
    "{} is in {}: faxes go to {} only; the brand operator may add countries":
        "{} es de {}: solo se envían faxes a {}; el operador de la marca puede añadir países",
    "name 1 to {} numbers to fax to": "diga de 1 a {} números a los que enviar",
    # ---- small words that stand alone
    "{} of {} pages": "{} de {} páginas",
    "{} of 1 page": "{} de 1 página",
    "{} pages": "{} páginas",
    "1 page": "1 página",
    "the sender": "el remitente",
    "the receiver": "el receptor",
    "the documents": "los documentos",
    "the document": "el documento",
}  # fmt: skip
LANGUAGES = {"es": SPANISH}
LONGEST, MOST_JOINTS = 800, 12
JOINT = re.compile(r"[.;:,] | \(")


def spoken(text: str, language: str) -> str:
    """Return an explanation in a language; what has no words there stays in English."""
    phrases = LANGUAGES.get(language)
    if phrases is None or len(text) > LONGEST or len(JOINT.findall(text)) > MOST_JOINTS:
        return text  # none of ours
    whole = text.rstrip()
    end = "." if whole.endswith(".") else ""
    return _said(whole.removesuffix("."), language) + end


def _said(text: str, language: str) -> str:
    """Return a text in a language: as one phrase, else its longest last phrase by itself."""
    whole = _phrase(text, language)
    if whole is not None:
        return whole
    joints = list(JOINT.finditer(text))
    for joint in joints:
        rest = text[joint.end() :]
        close = ")" if joint[0] == " (" and rest.endswith(")") else ""
        last = _phrase(rest.removesuffix(close), language)
        if last is not None or joint is joints[-1]:
            first = _said(text[: joint.start()], language)
            return f"{first}{joint[0]}{rest if last is None else last + close}"
    return text


def _phrase(text: str, language: str) -> str | None:
    """Return one phrase in a language; None where it has no words."""
    for pattern, words in _patterns(language):
        found = pattern.fullmatch(text)
        if found is not None:
            made = words.format(*(_said(hole, language) for hole in found.groups()))
            return made[:1].upper() + made[1:] if text[:1].isupper() else made
    return None


@functools.cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the phrases as expressions, those with the most words of their own first."""
    phrases = sorted(LANGUAGES[language].items(), key=lambda p: -len(p[0].replace("{}", "")))
    return [
        (re.compile("(.+?)".join(map(_any_case, english.split("{}")))), words)
        for english, words in phrases
    ]


def _any_case(text: str) -> str:
    """Return an expression for a text whose first letter may be a capital."""
    first = text[:1]
    start = f"[{first}{first.upper()}]" if first.isalpha() else re.escape(first)
    return start + re.escape(text[1:])
