"""The platform's own mail texts; a brand's or a company's rows of `mail_templates` win."""

from spandsp_bridge.i18n import translate_in
from spandsp_bridge.i18n.phrases import N_, NC_
from spandsp_bridge.store.deliveries import MailTemplate

#: Fields of the messages below, as the variables of mail templates.
VARIABLES = {
    "sender": "{{ FAX_SRC }}",
    "receiver": "{{ FAX_DST }}",
    "company": "{{ FAX_COMPANY }}",
    "name": "{{ FAX_NAME }}",
    "reason": "{{ FAX_REASON }}",
}
SUBJECTS = {
    "received": N_("New Fax from {sender} received in {name} ({receiver})"),
    "partial": N_("Incomplete Fax from {sender} received in {name} ({receiver})"),
    "sent": N_("Fax to {receiver} sent"),
    "failed": N_("Fax to {receiver} failed"),
}
LEADS = {
    "received": N_("A fax came for {company}, {name}."),
    "partial": N_("A fax came for {company}, {name}, but not all of it: {reason}"),
    "sent": N_("The fax of {company}, {name}, was sent: every page was confirmed by the receiver."),
    "failed": N_("The fax of {company}, {name}, was not sent. {reason}"),
}
LABELS = {
    "src": NC_("mail", "From"),
    "dst": NC_("mail", "To"),
    "date": NC_("mail", "Time"),
    "pages": NC_("mail", "Pages"),
    "document": NC_("mail", "The document"),
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
    """Return the platform's template of an event; English where the language is not available."""
    subject = SUBJECTS[event].text(VARIABLES, language)
    lead = LEADS[event].text(VARIABLES, language)
    labels = {name: translate_in(*known, language) for name, known in LABELS.items()}
    text, html = (body.format(lead=lead, **labels) for body in (_TEXT, _HTML))
    return MailTemplate(subject, text, html)
