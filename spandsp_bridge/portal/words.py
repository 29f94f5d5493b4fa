"""What the portal says, by language: the English text is the key.

A text with a prefix (`reason: user_busy`) stands for a word of ours; English has entries for
those alone. tests/unit/portal/test_words.py finds what a template says that is missing here.
"""

ENGLISH = {
    "status: pending": "waiting",
    "status: inprogress": "on the line",
    "status: completed": "completed",
    "status: error": "failed",
    "received": "received",
    "sent": "sent",
    "partial": "partial",
    "delivery: pending": "waiting",
    "delivery: done": "done",
    "delivery: failed": "failed",
    "pictures: auto": "by page",
    "pictures: text": "text, black or white",
    "pictures: photo": "photos, with greys",
    "audit: document_read": "read",
    "audit: document_deleted": "document deleted",
    "audit: fax_cancelled": "cancelled",
    "audit: fax_resent": "sent again",
    "audit: fax_deleted": "deleted",
    "reason: user_busy": "line busy",
    "reason: receiver_no_answer": "no answer",
    "reason: receiver_unallocated_number": "no such number",
    "reason: receiver_call_dropped": "call dropped",
    "reason: sender_call_dropped": "sender hung up",
    "reason: answered_by_person": "a person answered",
    "reason: no_fax_answered": "no fax machine there",
    "reason: call_forbidden": "call forbidden",
    "reason: call_rejected": "call rejected",
    "reason: call_failed": "call failed",
    "reason: carrier_failed": "no carrier took it",
    "reason: t38_refused": "T.38 refused",
    "reason: receiver_incompatible": "machines do not fit",
    "reason: receiver_resolution": "resolution not taken",
    "reason: receiver_page_size": "page size not taken",
    "reason: receiver_busy": "machine not ready",
    "reason: cannot_train": "line too bad",
    "reason: line_quality": "line too bad",
    "reason: protocol_error": "machines misunderstood",
    "reason: page_refused": "page refused",
    "reason: operator_interrupt": "interrupted by somebody",
    "reason: engine_lost": "our engine failed",
    "reason: engine_failed": "our engine failed",
    "reason: worker_lost": "our worker died",
    "reason: worker_stopped": "our worker stopped",
    "reason: call_time_limit": "took too long",
    "reason: document_unusable": "document unusable",
    "reason: document_missing": "document is gone",
    "reason: out_of_memory": "no memory",
    "reason: internal_error": "our fault",
    "reason: cancelled": "cancelled",
    "reason: completed": "completed",
}

SPANISH = {
    "status: pending": "en espera",
    "status: inprogress": "en línea",
    "status: completed": "completado",
    "status: error": "fallido",
    "received": "recibido",
    "sent": "enviado",
    "partial": "parcial",
    "failed": "fallidas",
    "completed": "completadas",
    "delivery: pending": "en espera",
    "delivery: done": "hecho",
    "delivery: failed": "fallido",
    "pictures: auto": "según la página",
    "pictures: text": "texto, blanco o negro",
    "pictures: photo": "fotos, con grises",
    "audit: document_read": "leído",
    "audit: document_deleted": "documento borrado",
    "audit: fax_cancelled": "cancelado",
    "audit: fax_resent": "reenviado",
    "audit: fax_deleted": "borrado",
    "reason: user_busy": "línea ocupada",
    "reason: receiver_no_answer": "no contesta",
    "reason: receiver_unallocated_number": "el número no existe",
    "reason: receiver_call_dropped": "llamada cortada",
    "reason: sender_call_dropped": "el remitente colgó",
    "reason: answered_by_person": "contestó una persona",
    "reason: no_fax_answered": "no hay fax allí",
    "reason: call_forbidden": "llamada prohibida",
    "reason: call_rejected": "llamada rechazada",
    "reason: call_failed": "la llamada falló",
    "reason: carrier_failed": "ningún operador la tomó",
    "reason: t38_refused": "T.38 rechazado",
    "reason: receiver_incompatible": "máquinas incompatibles",
    "reason: receiver_resolution": "resolución no admitida",
    "reason: receiver_page_size": "tamaño no admitido",
    "reason: receiver_busy": "la máquina no está lista",
    "reason: cannot_train": "mala línea",
    "reason: line_quality": "mala línea",
    "reason: protocol_error": "las máquinas no se entendieron",
    "reason: page_refused": "página rechazada",
    "reason: operator_interrupt": "alguien lo interrumpió",
    "reason: engine_lost": "falló nuestro motor",
    "reason: engine_failed": "falló nuestro motor",
    "reason: worker_lost": "murió nuestro proceso",
    "reason: worker_stopped": "paró nuestro proceso",
    "reason: call_time_limit": "tardó demasiado",
    "reason: document_unusable": "documento inservible",
    "reason: document_missing": "el documento ya no está",
    "reason: out_of_memory": "sin memoria",
    "reason: internal_error": "fallo nuestro",
    "reason: cancelled": "cancelado",
    "reason: completed": "completado",
    # ---- frame
    "Fax": "Fax",
    "Virtual fax": "Fax virtual",
    "Platform": "Plataforma",
    "Skip to the content": "Ir al contenido",
    "Menu": "Menú",
    "Main": "Principal",
    "Send a fax": "Enviar un fax",
    "Received": "Recibidos",
    "Sent": "Enviados",
    "Company": "Empresa",
    "Virtual faxes": "Faxes virtuales",
    "Numbers": "Números",
    "Cover pages": "Portadas",
    "Users": "Usuarios",
    "API keys": "Claves de la API",
    "Webhooks": "Webhooks",
    "Sending hours": "Horario de envío",
    "Settings": "Ajustes",
    "Audit trail": "Registro de auditoría",
    "Overview": "Resumen",
    "Explain a call": "Explicar una llamada",
    "Customers": "Clientes",
    "Companies": "Empresas",
    "Routing": "Enrutamiento",
    "Outgoing routes": "Rutas de salida",
    "Carriers": "Operadores",
    "Patterns": "Patrones",
    "Groups of patterns": "Grupos de patrones",
    "DDI providers": "Proveedores de DDI",
    "Failover rules": "Reglas de conmutación",
    "Faxes": "Faxes",
    "Retry rules": "Reglas de reintento",
    "Peer profiles": "Perfiles de destino",
    "Mail templates": "Plantillas de correo",
    "Health": "Estado",
    "Brands": "Marcas",
    "Brand": "Marca",
    "Countries that faxes may go to": "Países a los que se puede enviar",
    "Operators": "Administradores",
    "Bridges": "Puentes",
    "Log out": "Salir",
    "Log in": "Entrar",
    "Email": "Correo",
    "Password": "Contraseña",
    "To the start page": "A la página inicial",
    "Too many attempts from your address: wait {} s.": "Demasiados intentos desde su dirección: espere {} s.",
    "The address or the password is wrong, or the account is locked for a while.":
        "La dirección o la contraseña no es correcta, o la cuenta está bloqueada por un rato.",
    # ---- lists
    "Received faxes": "Faxes recibidos",
    "Sent faxes": "Faxes enviados",
    "Export CSV": "Exportar CSV",
    "Number": "Número",
    "Station id": "Identificación",
    "Status": "Estado",
    "any": "cualquiera",
    "From day": "Desde el día",
    "To day": "Hasta el día",
    "unread": "sin leer",
    "Find": "Buscar",
    "First page": "Primera página",
    "Date": "Fecha",
    "From": "De",
    "To": "Para",
    "Pages": "Páginas",
    "More": "Más",
    "Sort by": "Ordenar por",
    "No faxes here": "Aquí no hay faxes",
    "Nothing fits. Take a filter away.": "Nada coincide. Quite algún filtro.",
    "What is faxed to your numbers appears here by itself.":
        "Lo que se envíe a sus números aparecerá aquí por sí solo.",
    "Send the first one: drop a document, name a number.":
        "Envíe el primero: suelte un documento y diga un número.",
    # ---- one fax
    "page {} of {}": "página {} de {}",
    "calling": "llamando",
    "pages confirmed": "páginas confirmadas",
    "{} of {} pages confirmed": "{} de {} páginas confirmadas",
    "{} before it, dialled about {}": "{} antes, se marcará hacia las {}",
    "The pages are being made.": "Se están preparando las páginas.",
    "Fax {}": "Fax {}",
    "Fax from {}": "Fax de {}",
    "Fax to {}": "Fax a {}",
    "Our number": "Nuestro número",
    "Their number": "Su número",
    "Made": "Creado",
    "Over": "Terminado",
    "Expected call time": "Duración prevista",
    "{} s": "{} s",
    "Repeats": "Repite",
    "Broadcast": "Difusión",
    "Open": "Abrir",
    "Receipt": "Acuse",
    "Trace": "Traza",
    "Cancel": "Cancelar",
    "Send again": "Reenviar",
    "Mail it to somebody": "Enviarlo por correo a alguien",
    "Mail": "Enviar",
    "Delete": "Borrar",
    "Its pages are deleted for good; that it was there stays on record.":
        "Sus páginas se borran para siempre; queda constancia de que existió.",
    "Delete this fax": "Borrar este fax",
    "What happened": "Qué pasó",
    "No call has been made yet.": "Aún no se ha hecho ninguna llamada.",
    "Attempt {}": "Intento {}",
    "Call": "Llamada",
    "It is under way.": "Está en curso.",
    "route {}, carrier {}": "ruta {}, operador {}",
    "on": "sí",
    "off": "no",
    "{} pages confirmed": "{} páginas confirmadas",
    "{} packets, {} lost, {} repaired": "{} paquetes, {} perdidos, {} reparados",
    "we hung up": "colgamos nosotros",
    "they hung up": "colgaron ellos",
    "us": "nosotros",
    "them": "ellos",
    "The conversation of the machines": "La conversación de las máquinas",
    "Page": "Página",
    "Confirmed": "Confirmada",
    "On the line": "En línea",
    "Seconds": "Segundos",
    "Sent again": "Reenviadas",
    "Bad rows": "Líneas malas",
    "Mails and webhook calls": "Correos y webhooks",
    "What": "Qué",
    "Where": "Dónde",
    "Answer": "Respuesta",
    "Actions": "Acciones",
    "mail": "correo",
    "Again": "Otra vez",
    "It is being ended.": "Se está terminando.",
    "It is on its way by mail.": "Va de camino por correo.",
    "It is made once more.": "Se hace otra vez.",
    "This is the new fax; the old one stays as it was.":
        "Este es el fax nuevo; el antiguo queda como estaba.",
    "It is in the queue.": "Está en la cola.",
    "Viewer": "Visor",
    "Back": "Atrás",
    "Previous page": "Página anterior",
    "Next page": "Página siguiente",
    "Smaller": "Más pequeño",
    "Larger": "Más grande",
    "Turn": "Girar",
    "Keys: arrows turn pages, + and − zoom, R turns the page.":
        "Teclas: las flechas pasan páginas, + y − amplían, R gira la página.",
    # ---- what machines say
    "what I can do": "lo que puedo", "how I will send": "cómo enviaré", "my number": "mi número",
    "speed test": "prueba de velocidad", "speed is good": "velocidad buena",
    "too fast, slower": "muy rápido, más lento", "another page": "otra página",
    "that was all": "eso era todo", "more, after a new start": "más, tras empezar de nuevo",
    "page confirmed": "página confirmada", "confirmed, retrain": "confirmada, reajustar",
    "page refused": "página rechazada", "end of a part, ECM": "fin de parte, ECM",
    "parts are missing": "faltan partes", "not ready yet": "aún no", "ready?": "¿listo?",
    "go on, slower": "siga, más lento", "yes, go on": "sí, siga",
    "giving up on parts": "renuncio a partes", "agreed, without them": "de acuerdo, sin ellas",
    "goodbye": "adiós", "my maker": "mi fabricante", "my maker's way": "al modo del fabricante",
    "say that again": "repita", "page refused, talk": "rechazada, hablemos",
    "confirmed, talk": "confirmada, hablemos",
    # ---- sending
    "No virtual fax can send yet": "Ningún fax virtual puede enviar aún",
    "A virtual fax needs a number of ours to send from: ask your administrator.":
        "Un fax virtual necesita un número para enviar: pregunte a su administrador.",
    "Documents": "Documentos",
    "Drop files here, or choose them: PDF, pictures, text, office documents. They become one fax.":
        "Suelte archivos aquí o elíjalos: PDF, imágenes, texto, ofimática. Forman un solo fax.",
    "One number a line; a number without + is one of {}.":
        "Un número por línea; un número sin + es de {}.",
    "Faxes go to: {}.": "Se envían faxes a: {}.",
    "Resolution": "Resolución",
    "as usual": "la habitual",
    "normal": "normal", "fine": "fina", "superfine": "superfina",
    "Pictures": "Imágenes",
    "Cover page": "Portada",
    "Receiver's name": "Nombre del destinatario",
    "Subject": "Asunto",
    "Text": "Texto",
    "Later, or sooner": "Más tarde, o antes",
    "Not before": "No antes de",
    "Priority": "Prioridad",
    "usual": "habitual",
    "urgent, at any hour": "urgente, a cualquier hora",
    "when nothing else waits": "cuando no espere nada más",
    "Send": "Enviar",
    "Show the pages": "Ver las páginas",
    "Here you will see the pages as they arrive: black and white, in the real resolution.":
        "Aquí verá las páginas como llegan: en blanco y negro y en la resolución real.",
    "{} pages, about {} s of call": "{} páginas, unos {} s de llamada",
    "and {} more": "y {} más",
    # ---- configuration
    "New": "Nuevo",
    "New: {}": "Nuevo: {}",
    "Add": "Añadir",
    "Save": "Guardar",
    "Saved.": "Guardado.",
    "The secret of its signatures, shown this once: {}":
        "El secreto de sus firmas, que se muestra solo esta vez: {}",
    "Deleted.": "Borrado.",
    "Preview": "Vista previa",
    "needed": "necesario",
    "Delete for good": "Borrar para siempre",
    "Of SIP, kept as a digest that holds the user's name and the realm.":
        "De SIP; se guarda como resumen que incluye el usuario y el dominio.",
    "10 characters at least.": "10 caracteres como mínimo.",
    "Leave it empty to keep it.": "Déjelo vacío para conservarla.",
    "What holds where you have no row": "Lo que rige donde no tiene fila",
    "Nothing here yet.": "Aún no hay nada.",
    "Table": "Tabla",
    "state": "estado",
    "unknown": "desconocido", "active": "activo", "inactive": "inactivo",
    "SIP accounts": "Cuentas SIP", "Opening hours": "Horario de apertura",
    "Black and white list": "Lista negra y blanca", "Who may fax by mail": "Quién puede enviar por correo",
    "Who may use it": "Quién puede usarlo", "Addresses": "Direcciones", "Servers": "Servidores",
    "Rates": "Tarifas", "Patterns of the group": "Patrones del grupo",
    "Carriers, for lcr": "Operadores, para lcr",
    "virtual fax": "fax virtual", "user": "usuario", "cover page": "portada", "webhook": "webhook",
    "opening hours": "horario de apertura", "sending hours": "horario de envío",
    "caller": "llamante", "mail sender": "remitente de correo", "user of the fax": "usuario del fax",
    "company": "empresa", "carrier": "operador", "server": "servidor", "rate": "tarifa",
    "pattern": "patrón", "group of patterns": "grupo de patrones", "outgoing route": "ruta de salida",
    "retry rule": "regla de reintento", "failover rule": "regla de conmutación",
    "peer profile": "perfil de destino", "mail template": "plantilla de correo",
    "max attempts": "llamadas por fax", "retry delay": "espera entre intentos", "max calls": "llamadas a la vez",
    "bridge choice": "reparto entre puentes", "round_robin": "por turnos", "least_loaded": "al menos cargado",
    "auth user": "usuario de autenticación", "auth realm": "dominio de autenticación",
    "fall back after failure": "usar rutas de voz si fallan las de fax",
    "brand": "marca", "operator": "administrador", "bridge": "puente", "address": "dirección",
    "DDI": "DDI", "SIP account": "cuenta SIP", "carrier of an lcr route": "operador de una ruta lcr",
    "pattern of the group": "patrón del grupo", "DDI provider": "proveedor de DDI",
    # ---- keys and account
    "This is the new key. It is shown this once: put it where your program finds it.":
        "Esta es la clave nueva. Se muestra solo esta vez: guárdela donde su programa la encuentre.",
    "name": "nombre", "begins with": "empieza por", "may": "puede", "made": "creada",
    "last used": "último uso", "revoked": "revocada", "Revoke": "Revocar", "New key": "Clave nueva",
    "the program that uses it": "el programa que la usa", "Make a key": "Crear una clave",
    "test": "prueba", "test mode": "modo de prueba",
    "Its faxes call nobody, but a peer of ours with every fault: +15005550000 is a fax machine, 1 is busy, 2 does not answer, 3 does not exist, 4 a person, 5 refuses pages, 6 hangs up once, 7 has no T.38, 8 is slow, 9 is silent.":
        "Sus faxes no llaman a nadie, sino a una máquina nuestra con todos los fallos: +15005550000 es un fax, 1 comunica, 2 no contesta, 3 no existe, 4 una persona, 5 rechaza páginas, 6 cuelga una vez, 7 no tiene T.38, 8 es lento, 9 calla.",
    "A key needs a name and something that it may do.": "Una clave necesita un nombre y algún permiso.",
    "Account": "Cuenta",
    "How you see it": "Cómo lo ve",
    "language": "idioma", "time zone": "zona horaria",
    "Old password": "Contraseña antigua", "New password": "Contraseña nueva",
    "Change it, and log out everywhere": "Cambiarla y salir en todas partes",
    "Where you are logged in": "Dónde ha entrado",
    "since": "desde", "last seen": "visto", "from": "desde", "browser": "navegador",
    "who": "quién", "detail": "detalle",
    # ---- operators
    "Calls of the last 14 days": "Llamadas de los últimos 14 días",
    "calls in 14 days": "llamadas en 14 días",
    "of them completed": "completadas",
    "faxes waiting": "faxes en espera",
    "calls now": "llamadas ahora",
    "By carrier": "Por operador",
    "By destination": "Por destino",
    "By route": "Por ruta",
    "country code": "prefijo",
    "Why calls failed": "Por qué fallaron",
    "Why": "Por qué", "calls": "llamadas", "for example": "por ejemplo", "None did.": "Ninguna.",
    "No calls yet.": "Aún no hay llamadas.",
    "Before it is made, by the code that Kamailio runs.":
        "Antes de hacerla, con el código que ejecuta Kamailio.",
    "as": "como", "a fax": "un fax", "a call": "una llamada", "Explain": "Explicar",
    "To {} from {}": "A {} desde {}",
    "It stays inside:": "Se queda dentro:",
    "route": "ruta", "type": "tipo", "priority": "prioridad", "weight": "peso", "first": "primera",
    "servers": "servidores", "stops": "corta",
    "Order of this throw:": "Orden de esta tirada:",
    "Discarded": "Descartadas",
    "route {}": "ruta {}",
    "takes calls": "recibe llamadas", "yes": "sí", "no, it sends": "no, envía",
    "draining": "vaciándose", "sends": "envía", "silent": "callado", "Drain": "Vaciar",
    "Use again": "Volver a usar", "Queues": "Colas", "waiting": "en espera", "running": "en curso",
    "served": "servida", "Nothing waits.": "Nada espera.",
    "tables' version": "versión de tablas", "hours up": "horas en marcha",
    "calls in": "llamadas entrantes",
    "calls out": "llamadas salientes", "failovers": "conmutaciones",
    "strangers refused": "extraños rechazados",
    "No Kamailio has reported: Redis or every publisher is away.":
        "Ningún Kamailio ha informado: falta Redis o todos los publicadores.",
    "brands": "marcas", "companies": "empresas", "calls being received": "llamadas entrantes",
    "watching live": "mirando en directo",
    # ---- columns
    "By mail": "Por correo", "Sent pages": "Páginas enviadas", "When a fax fails": "Cuando un fax falla",
    "Whom it sees": "A quién ve", "How it knows us": "Cómo nos conoce",
    "email": "correo", "send by email": "enviar por correo", "mail events": "avisos por correo",
    "mail document": "documento del correo", "outgoing DDI": "DDI de salida",
    "station ID": "identificación", "caller ID": "número que se muestra", "header line": "línea de cabecera", "resolution": "resolución",
    "pictures": "imágenes", "long pages": "páginas largas", "audio fax": "fax por audio", "ECM": "ECM",
    "max bit rate": "velocidad máxima", "weekday": "día", "opens": "abre", "closes": "cierra",
    "prefix": "prefijo", "action": "acción", "number": "número",
    "external URI": "URI externa", "role": "papel",
    "fax only": "solo faxes", "enabled": "activo", "HTML": "HTML", "URL": "URL", "events": "eventos",
    "country": "país", "paper": "papel", "continuation cover": "portada de continuación",
    "retention days": "días de conservación", "sending calls": "envíos a la vez",
    "SIP domain": "dominio SIP", "username": "usuario", "fax device": "es un fax",
    "local address": "dirección local", "local port": "puerto local", "host": "host", "port": "puerto",
    "transport": "transporte", "from domain": "dominio From", "asserted identity": "identidad afirmada",
    "remote party ID": "Remote-Party-ID", "price": "precio", "valid from": "válida desde",
    "valid until": "válida hasta", "mode": "modo", "group": "grupo", "stopper": "corta",
    "add prefix": "prefijo añadido", "reason": "motivo", "delay": "espera",
    "tries": "intentos", "steps": "pasos", "class": "clase", "retry after": "reintentar tras",
    "pinned": "fijado", "expires at": "caduca", "event": "evento", "subject": "asunto", "text": "texto",
    "SIP address": "dirección SIP", "SIP port": "puerto SIP", "receives": "recibe",
    "why": "por qué",
    "pdf": "PDF", "link": "enlace", "split": "partir", "scale": "reducir", "auto": "automático",
    "photo": "foto", "never": "nunca", "after_t38_refused": "si se rechaza T.38", "allow": "permitir",
    "deny": "negar", "true": "sí", "false": "no",
    # ---- what tables and columns mean: their comments in the database
    "A fax machine without the machine: receives to PDF and email, sends PDF.":
        "Un fax sin máquina: recibe en PDF y correo, y envía PDF.",
    "Unique in the company; used as company/name on the command line.":
        "Único en la empresa; en la línea de órdenes es empresa/nombre.",
    "Caller id of its faxes; empty: the company's outgoing DDI.":
        "Número que muestran sus faxes; vacío: el DDI de salida de la empresa.",
    "Who gets received faxes.":
        "Quién recibe los faxes recibidos.",
    "Mail to email what mail_events says.":
        "Enviar al correo lo que se marque en los avisos.",
    "What is mailed, with send_by_email: received, partial, sent, failed.":
        "De qué se avisa por correo: recibidos, parciales, enviados, fallidos.",
    "pdf: the mail carries the document; link: it leads to the portal.":
        "PDF: el correo lleva el documento; enlace: lleva al portal.",
    "Text of the header line on sent pages; empty: no header line.":
        "Texto de la línea de cabecera de las páginas enviadas; vacío: sin cabecera.",
    "Of sent pages: normal (98), fine (196) or superfine (391 lines an inch).":
        "De las páginas enviadas: normal (98), fina (196) o superfina (391 líneas por pulgada).",
    "auto: chosen by page; text: black or white; photo: with greys.":
        "Automático: según la página; texto: blanco o negro; foto: con grises.",
    "A page longer than the paper is split into several, or scaled to fit.":
        "Una página más larga que el papel se parte en varias o se reduce.",
    "Calls that are made for one fax at the most; empty: as often as the retry rules say.":
        "Llamadas que se hacen por un fax como mucho; vacío: las que digan las reglas de reintento.",
    "Seconds until a failed fax is tried again, half of it up to one and a half times of it, by chance; empty: as the retry rules say.":
        "Segundos hasta reintentar un fax fallido, entre la mitad y vez y media, al azar; vacío: lo que digan las reglas de reintento.",
    "TSI and CSI (T.30), 20 characters; empty: the outgoing DDI's digits.":
        "TSI y CSI (T.30), 20 caracteres; vacío: las cifras del DDI de salida.",
    "When a fax may go over G.711 audio: never; after_t38_refused; first, without asking for T.38.":
        "Cuándo puede ir por audio G.711: nunca; si se rechaza T.38; primero, sin pedir T.38.",
    "Error correction mode of T.30. Leave on, unless a peer needs it off.":
        "Corrección de errores de T.30. Déjela activa, salvo que un destino la necesite apagada.",
    "Fastest modem rate to offer, bit/s.":
        "Velocidad máxima de módem que se ofrece, bit/s.",
    "Opening hours in the company's zone; no row: always open. Outside of them calls get 480.":
        "Horario en la zona de la empresa; sin filas: siempre abierto. Fuera de él las llamadas reciben 480.",
    "1 Monday to 7 Sunday.":
        "De 1 lunes a 7 domingo.",
    "From this time on.":
        "Desde esta hora.",
    "Up to, not including; 24:00 is the end of the day.":
        "Hasta esta hora, sin incluirla; 24:00 es el fin del día.",
    "Black and white lists: the longest matching prefix decides. Any allow row makes the rest denied.":
        "Listas negra y blanca: decide el prefijo más largo. Una fila que permite niega el resto.",
    "Caller as E.164 prefix (+34600), or anonymous.":
        "Quien llama, como prefijo E.164 (+34600), o anonymous.",
    "allow or deny (403).":
        "Permitir o denegar (403).",
    "Who may fax by mail, and as which virtual fax.":
        "Quién puede enviar por correo, y con qué fax virtual.",
    "The sender's address in lower case; @domain: everybody there. In the platform it names one virtual fax.":
        "La dirección del remitente en minúsculas; @dominio: todos los de allí. En toda la plataforma nombra un solo fax virtual.",
    "Which users (role user) may use which virtual faxes; administrators use all.":
        "Qué usuarios (papel usuario) pueden usar qué faxes virtuales; los administradores usan todos.",
    "Who sends by it and sees its faxes.":
        "Quién envía con él y ve sus faxes.",
    "Our numbers, each of one company, each pointing at a target.":
        "Nuestros números: cada uno es de una empresa y apunta a un destino.",
    "E.164 with +, unique in the platform.":
        "E.164 con +, único en la plataforma.",
    "Target: a virtual fax of the same company. No target at all: calls get 404.":
        "Destino: un fax virtual de la misma empresa. Sin destino las llamadas reciben 404.",
    "Target: a SIP account of the same company.":
        "Destino: una cuenta SIP de la misma empresa.",
    "Target: a SIP URI elsewhere, such as sip:+34911000001@pbx.acme.example.":
        "Destino: una URI SIP de fuera, como sip:+34911000001@pbx.acme.example.",
    "The provider that delivers it; empty: any provider of the brand.":
        "El proveedor que lo entrega; vacío: cualquiera de la marca.",
    "People who log in to the portal.":
        "Personas que entran en el portal.",
    "Log-in name, unique in the platform.":
        "Nombre para entrar, único en la plataforma.",
    "platform, brand, company (its administrator) or user.":
        "Plataforma, marca, empresa (su administrador) o usuario.",
    "ISO 639 code of the portal's language.":
        "Código ISO 639 del idioma del portal.",
    "IANA zone in which times are shown; empty: the company's.":
        "Zona IANA en la que se muestran las horas; vacío: la de la empresa.",
    "A company administrator of faxes and virtual faxes alone: no users, keys or webhooks.":
        "Administrador solo de faxes y faxes virtuales: sin usuarios, claves ni webhooks.",
    "Off: cannot log in, and is logged out.":
        "Apagado: no puede entrar, y se le echa.",
    "Templates of cover pages: Jinja2 over simple HTML.":
        "Plantillas de portadas: Jinja2 sobre HTML sencillo.",
    "Unique in the company.":
        "Único en la empresa.",
    "Jinja2: to_name, to_number, from_name, from_number, subject, text, date.":
        "Jinja2: to_name, to_number, from_name, from_number, subject, text, date.",
    "Where a company is told what happened (Standard Webhooks).":
        "Dónde se avisa a la empresa de lo que pasa (Standard Webhooks).",
    "Gets POSTs; addresses inside our own network are refused.":
        "Recibe POST; se rechazan direcciones de nuestra propia red.",
    "fax.received, fax.sent, fax.failed, fax.progress (each page).":
        "fax.received, fax.sent, fax.failed, fax.progress (cada página).",
    "Off: nothing is sent.":
        "Apagado: no se envía nada.",
    "When a company's faxes may be dialled, in its zone; no row: always. Urgent ones (priority 0) always.":
        "Cuándo se pueden marcar los faxes de la empresa, en su zona; sin filas: siempre. Los urgentes (prioridad 0), siempre.",
    "A brand sells virtual faxes to companies; brand operators administer one brand.":
        "Una marca vende faxes virtuales a empresas; sus administradores llevan una marca.",
    "On: a fax whose fax routes have all failed is tried over the ordinary call routes too.":
        "Encendido: un fax cuyas rutas de fax fallaron todas se intenta también por las rutas de llamadas.",
    "The countries that a brand's faxes may be sent to; a brand without any sends everywhere.":
        "Los países a los que se pueden enviar los faxes de la marca; sin ninguno, a todos.",
    "ISO 3166 alpha-2, such as ES.":
        "ISO 3166 alfa-2, como ES.",
    "A customer of a brand. Owns virtual faxes, DDIs, users and faxes.":
        "Un cliente de la marca. Tiene faxes virtuales, DDI, usuarios y faxes.",
    "ISO 3166 alpha-2; numbers without + are read as national numbers of it.":
        "ISO 3166 alfa-2; los números sin + se leen como nacionales de él.",
    "IANA zone of the company, for header lines and time windows.":
        "Zona IANA de la empresa, para cabeceras y horarios.",
    "ISO 639-1 code: of mails and cover pages.":
        "Código ISO 639-1: de correos y portadas.",
    "Page size of outgoing faxes: a4 or letter.":
        "Tamaño de página de los faxes enviados: a4 o letter.",
    "Caller id of virtual faxes that name none of their own. Has to be a DDI of this company.":
        "Número que muestran los faxes virtuales que no tienen uno propio. Ha de ser un DDI de esta empresa.",
    "Template of cover pages; empty: the standard one.":
        "Plantilla de portada; vacío: la normal.",
    "A fax that was cut off goes on with a page that says so.":
        "Un fax cortado sigue con una página que lo dice.",
    "Documents are deleted after so many days, their records stay; empty: kept.":
        "Los documentos se borran a los tantos días y queda su registro; vacío: se conservan.",
    "Calls at a time, in and out; empty: no limit. Beyond: 486 in, 403 out.":
        "Llamadas a la vez, entrantes y salientes; vacío: sin límite. Más allá: 486 entrando, 403 saliendo.",
    "Faxes sent at a time; empty: as many as the workers can.":
        "Faxes que se envían a la vez; vacío: cuantos puedan los procesos.",
    "Which fax bridge takes its calls: round_robin or least_loaded.":
        "Qué puente de fax toma sus llamadas: por turnos o el menos cargado.",
    "Domain and digest realm of its SIP accounts.":
        "Dominio de sus cuentas SIP.",
    "A phone, ATA or PBX at the SIP edge: registers as username@sip_domain.":
        "Un teléfono, ATA o centralita en el borde SIP: se registra como usuario@dominio.",
    "User part of its address of record, unique in the company.":
        "La parte de usuario de su dirección, única en la empresa.",
    "On: all its calls are faxes and take fax routes first.":
        "Encendido: todas sus llamadas son faxes y toman antes las rutas de fax.",
    "Off: neither registers nor calls nor is called.":
        "Apagado: ni se registra ni llama ni recibe llamadas.",
    "Its caller id; empty: the company's outgoing DDI.":
        "El número que muestra; vacío: el DDI de salida de la empresa.",
    "An inbound peer, known by its source addresses.":
        "Quien nos entrega llamadas, conocido por sus direcciones.",
    "Off: calls from its addresses are refused.":
        "Apagado: se rechazan las llamadas de sus direcciones.",
    "Source addresses of DDI providers; calls from any other are refused (403).":
        "Direcciones de los proveedores de DDI; las llamadas de otras se rechazan (403).",
    "One host, IPv4 or IPv6; any source port.":
        "Un host, IPv4 o IPv6; cualquier puerto de origen.",
    "Only for calls that reach this address of ours; empty: any. The most exact row wins.":
        "Solo para llamadas que llegan a esta dirección nuestra; vacío: a cualquiera. Gana la fila más exacta.",
    "Only for calls that reach this port of ours; empty: any.":
        "Solo para llamadas que llegan a este puerto nuestro; vacío: a cualquiera.",
    "An outbound peer; its servers take the calls.":
        "A quien entregamos llamadas; las toman sus servidores.",
    "Off: no route uses it.":
        "Apagado: ninguna ruta lo usa.",
    "SIP servers of a carrier, watched by OPTIONS; an inactive one is passed over.":
        "Servidores SIP de un operador, vigilados con OPTIONS; al inactivo se le salta.",
    "IP address; or else host.":
        "Dirección IP; o bien el host.",
    "DNS name instead of an address; the publisher looks it up, Kamailio never does.":
        "Nombre DNS en vez de dirección; lo consulta el publicador, nunca Kamailio.",
    "SIP port; empty with a host: by its SRV records, then 5060 (TLS: 5061).":
        "Puerto SIP; vacío con un host: según sus registros SRV, si no 5060 (TLS: 5061).",
    "udp, tcp or tls.":
        "udp, tcp o tls.",
    "Lower is tried first.":
        "El menor se intenta antes.",
    "Off: not used.":
        "Apagado: no se usa.",
    "Host of the From URI that it wants; empty: our own address.":
        "El host de la URI From que quiere; vacío: nuestra dirección.",
    "Send the caller in P-Asserted-Identity (RFC 3325).":
        "Enviar quien llama en P-Asserted-Identity (RFC 3325).",
    "Send the caller in Remote-Party-ID too.":
        "Enviar quien llama también en Remote-Party-ID.",
    "Digest user; empty: no authentication.":
        "Usuario de autenticación; vacío: sin ella.",
    "Realm of its challenge.":
        "El dominio (realm) de su desafío.",
    "What a carrier charges, by called prefix: lcr routes go by it. The longest prefix counts.":
        "Lo que cobra un operador por prefijo: lo usan las rutas lcr. Cuenta el prefijo más largo.",
    "Called numbers: + and leading digits.":
        "Números llamados: + y primeras cifras.",
    "For a minute, in the brand's currency.":
        "Por minuto, en la moneda de la marca.",
    "From this moment on; of several the latest counts.":
        "Desde este momento; de varias cuenta la última.",
    "Up to, not including; empty: for good.":
        "Hasta, sin incluirlo; vacío: para siempre.",
    "Called numbers by prefix, as E.164: +34 is Spain, + is every number.":
        "Números llamados por prefijo E.164: +34 es España, + es cualquier número.",
    "+ and leading digits.":
        "+ y primeras cifras.",
    "Several patterns under one name, such as \"Europe\".":
        "Varios patrones con un nombre, como «Europa».",
    "Which patterns belong to a group.":
        "Qué patrones son de un grupo.",
    "A pattern of it.":
        "Uno de sus patrones.",
    "How calls leave: which carrier takes which numbers, in which order.":
        "Cómo salen las llamadas: qué operador toma qué números, y en qué orden.",
    "pattern or group: calls by prefix; fax: faxes to any number, before the others.":
        "Patrón o grupo: llamadas por prefijo; fax: faxes a cualquier número, antes que las otras.",
    "static: the carrier; lcr: the carriers of outgoing_route_carriers, cheapest first; block: refuse with 403.":
        "static: el operador; lcr: sus operadores, el más barato primero; block: rechazar con 403.",
    "Only for this company; empty: for all companies of the brand.":
        "Solo para esta empresa; vacío: para todas las de la marca.",
    "For type pattern: which numbers.":
        "Con tipo patrón: qué números.",
    "For type group: which numbers.":
        "Con tipo grupo: qué números.",
    "static: who takes the call; empty for lcr and block.":
        "static: quién toma la llamada; vacío con lcr y block.",
    "0 to 254, lower is tried first.":
        "De 0 a 254; el menor se intenta antes.",
    "1 to 20: share among routes of the same priority.":
        "De 1 a 20: reparto entre rutas de la misma prioridad.",
    "Routes of a higher priority number than this one are not tried.":
        "No se intentan rutas de número de prioridad mayor que esta.",
    "Put in front of the number that the carrier gets.":
        "Se antepone al número que recibe el operador.",
    "Every call by this route shows this caller; empty: its own.":
        "Toda llamada por esta ruta muestra este número; vacío: el suyo.",
    "The carriers among which an lcr route chooses by price.":
        "Los operadores entre los que una ruta lcr elige por precio.",
    "A carrier with rates.":
        "Un operador con tarifas.",
    "A brand's own view of what follows a failed attempt; wins over retry_defaults.":
        "Lo que la marca quiere que siga a un intento fallido; gana a lo de la plataforma.",
    "Why the attempt failed, as in attempts.reason.":
        "Por qué falló el intento, como en la lista de abajo.",
    "retry or stop.":
        "Reintentar o parar.",
    "Seconds until the next attempt; half of it up to one and a half times of it, by chance.":
        "Segundos hasta el intento siguiente, entre la mitad y vez y media, al azar.",
    "Attempts that may end for this reason.":
        "Intentos que pueden acabar por este motivo.",
    "What the next attempts change: ecm_off, v17_off, audio, same.":
        "Qué cambian los intentos siguientes: ecm_off, v17_off, audio, same.",
    "A brand's own view of failures, for one carrier or for all; wins over failover_defaults.":
        "Lo que la marca quiere ante los fallos, de un operador o de todos; gana a lo de la plataforma.",
    "A SIP status (404), a family (5xx), or no_answer.":
        "Un estado SIP (404), una familia (5xx) o no_answer.",
    "next, stop or retry_later.":
        "next (siguiente), stop (parar) o retry_later (más tarde).",
    "Only for this carrier; empty: for all of the brand.":
        "Solo para este operador; vacío: para todos los de la marca.",
    "For retry_later: seconds for Retry-After.":
        "Con retry_later: segundos de Retry-After.",
    "How to fax a number, as learned from what worked; operators may edit rows and pin them.":
        "Cómo enviar a un número, aprendido de lo que funcionó; se puede editar y fijar.",
    "The destination.":
        "El destino.",
    "Why it is so.":
        "Por qué es así.",
    "Instead of the virtual fax's; empty: as there.":
        "En lugar de lo del fax virtual; vacío: como allí.",
    "Fastest modem rate, bit/s; empty: the virtual fax's.":
        "Velocidad máxima de módem, bit/s; vacío: la del fax virtual.",
    "Finest resolution it takes; empty: any.":
        "La resolución más fina que admite; vacío: cualquiera.",
    "Calls to it at a time, of all companies; empty: 1, or no limit for our own DDIs.":
        "Llamadas a la vez, de todas las empresas; vacío: 1, o sin límite si es un DDI nuestro.",
    "On: nothing learned changes the row, and it does not expire.":
        "Encendido: nada aprendido cambia la fila, y no caduca.",
    "After this it is forgotten, and everything is tried again; empty: never.":
        "Después se olvida y se prueba todo otra vez; vacío: nunca.",
    "Mails in a brand's or a company's own words (Jinja2); the company's win, then the brand's, then the platform's.":
        "Correos con las palabras de la marca o la empresa (Jinja2); ganan los de la empresa, luego los de la marca.",
    "received, partial, sent or failed.":
        "received (recibido), partial (parcial), sent (enviado) o failed (fallido).",
    "ISO 639-1 code.":
        "Código ISO 639-1.",
    "Whose; empty: all companies of the brand.":
        "De quién; vacío: todas las empresas de la marca.",
    "Subject line. Variables: FAX_NAME, FAX_PDFNAME, FAX_PAGES, FAX_SRC, FAX_DST, FAX_DATE, FAX_REASON, FAX_ID, FAX_COMPANY, FAX_STATION, FAX_LINK.":
        "Asunto. Variables: FAX_NAME, FAX_PDFNAME, FAX_PAGES, FAX_SRC, FAX_DST, FAX_DATE, FAX_REASON, FAX_ID, FAX_COMPANY, FAX_STATION, FAX_LINK.",
    "The mail as plain text.":
        "El correo como texto.",
    "The mail as HTML; empty: plain text alone.":
        "El correo como HTML; vacío: solo texto.",
    "Name of the brand, unique in the platform.":
        "Nombre de la marca, único en la plataforma.",
    "Calls at a time of all its companies, in and out; empty: no limit. Set by the platform.":
        "Llamadas a la vez de todas sus empresas; vacío: sin límite. Lo fija la plataforma.",
    "Fax bridge nodes; each writes its own row when it starts.":
        "Nodos puente de fax; cada uno escribe su fila al arrancar.",
    "Off: gets no new calls.":
        "Apagado: no recibe llamadas nuevas.",
}  # fmt: skip

LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "es": SPANISH}
