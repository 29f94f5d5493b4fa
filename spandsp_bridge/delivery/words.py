"""The platform's own words of mails; a brand's or a company's rows of `mail_templates` win."""

from spandsp_bridge.store.deliveries import MailTemplate

_EN = {
    "received": (
        "New Fax from {{ FAX_SRC }} received in {{ FAX_NAME }} ({{ FAX_DST }})",
        "A fax came for {{ FAX_COMPANY }}, {{ FAX_NAME }}.",
    ),
    "partial": (
        "Incomplete Fax from {{ FAX_SRC }} received in {{ FAX_NAME }} ({{ FAX_DST }})",
        "A fax came for {{ FAX_COMPANY }}, {{ FAX_NAME }}, but not all of it: {{ FAX_REASON }}",
    ),
    "sent": (
        "Fax to {{ FAX_DST }} sent",
        "The fax of {{ FAX_COMPANY }}, {{ FAX_NAME }}, was sent: every page was confirmed by the "
        "receiver.",
    ),
    "failed": (
        "Fax to {{ FAX_DST }} failed",
        "The fax of {{ FAX_COMPANY }}, {{ FAX_NAME }}, was not sent. {{ FAX_REASON }}",
    ),
}
_ES = {
    "received": (
        "Nuevo fax de {{ FAX_SRC }} recibido en {{ FAX_NAME }} ({{ FAX_DST }})",
        "Ha llegado un fax para {{ FAX_COMPANY }}, {{ FAX_NAME }}.",
    ),
    "partial": (
        "Fax incompleto de {{ FAX_SRC }} recibido en {{ FAX_NAME }} ({{ FAX_DST }})",
        "Ha llegado un fax para {{ FAX_COMPANY }}, {{ FAX_NAME }}, pero no entero: "
        "{{ FAX_REASON }}",
    ),
    "sent": (
        "Fax a {{ FAX_DST }} enviado",
        "El fax de {{ FAX_COMPANY }}, {{ FAX_NAME }}, se ha enviado: el receptor ha confirmado "
        "todas las páginas.",
    ),
    "failed": (
        "Fax a {{ FAX_DST }} fallido",
        "El fax de {{ FAX_COMPANY }}, {{ FAX_NAME }}, no se ha enviado. {{ FAX_REASON }}",
    ),
}
_LABELS = {
    "en": ("From", "To", "Time", "Pages", "The document"),
    "es": ("De", "Para", "Hora", "Páginas", "El documento"),
}
_TEXT = """\
{lead}

{src}: {{{{ FAX_SRC }}}} {{{{ FAX_STATION }}}}
{dst}: {{{{ FAX_DST }}}}
{date}: {{{{ FAX_DATE }}}}
{pages}: {{{{ FAX_PAGES }}}}
{{% if FAX_LINK %}}
{document}: {{{{ FAX_LINK }}}}
{{% endif %}}"""
_HTML = """\
<!doctype html><html><body style="font:15px/1.5 sans-serif;color:#191c21">
<p>{lead}</p>
<table style="border-collapse:collapse">
<tr><td style="color:#69707a;padding-right:1em">{src}</td><td>{{{{ FAX_SRC }}}} {{{{ FAX_STATION }}}}</td></tr>
<tr><td style="color:#69707a;padding-right:1em">{dst}</td><td>{{{{ FAX_DST }}}}</td></tr>
<tr><td style="color:#69707a;padding-right:1em">{date}</td><td>{{{{ FAX_DATE }}}}</td></tr>
<tr><td style="color:#69707a;padding-right:1em">{pages}</td><td>{{{{ FAX_PAGES }}}}</td></tr>
</table>
{{% if FAX_LINK %}}<p><a href="{{{{ FAX_LINK }}}}">{document}</a></p>{{% endif %}}
</body></html>"""  # noqa: E501


def standard(event: str, language: str) -> MailTemplate:
    """Return the platform's words for an event; English where the language is not known."""
    words = {"es": _ES}.get(language, _EN)
    labels = _LABELS.get(language, _LABELS["en"])
    subject, lead = words[event]
    named = dict(zip(("src", "dst", "date", "pages", "document"), labels, strict=True))
    return MailTemplate(subject, _TEXT.format(lead=lead, **named), _HTML.format(lead=lead, **named))
