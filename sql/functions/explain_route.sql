-- requires extension: plpython3u
-- explain_route(): the decision on a call, made by the routing core that Kamailio runs, over the rows
-- that this transaction sees. `vfax migrate` puts the core's source text in place of @core.

create or replace function explain_route(
    company bigint, number text, fax boolean default true,
    at timestamptz default now(), seed integer default null) returns jsonb
    language plpython3u stable as $explain$
import json
import random
import sys
import types

CORE = json.loads(r'''@core''')  # {module: source text}
DIGEST = '@digest'

if GD.get('vfax_core') != DIGEST:
    for name, text in CORE.items():
        module = types.ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
        exec(compile(text, name, 'exec'), module.__dict__)
        parent, _, child = name.rpartition('.')
        if parent:
            setattr(sys.modules[parent], child, module)
    GD['vfax_core'] = DIGEST

from kemi.routing import numbers, outbound
from kemi.routing.explain import explain
from kemi.routing.facts import Facts
from spandsp_bridge.store.routing import SqlSource


def query(text, sorts, values):
    return [tuple(row.values()) for row in plpy.execute(plpy.prepare(text, sorts), values)]


facts = Facts(SqlSource(query))
owner = facts.company(company)
if owner is None:
    plpy.error('company not found', detail='company %s' % company, sqlstate='P0002',
               hint='select id, name from companies;')
tag, user = numbers.split_tag(number)
called = outbound.dialled(facts, owner, user)
if called is None:
    plpy.error('invalid phone number', detail=number, sqlstate='22023',
               hint='Use E.164, for example +34911234567.')
epoch = plpy.prepare('select extract(epoch from $1)::float8 as at', ['timestamptz'])
moment = plpy.execute(epoch, [at])[0]['at']
plan = outbound.decide(facts, owner, called, fax=fax, random=random.Random(seed).random, now=moment,
                       tag=tag, caller=owner.caller, all_routes=True)
return json.dumps(explain(plan, facts, owner.caller))
$explain$;
comment on function explain_route(bigint, text, boolean, timestamptz, integer) is
    'How a call of a company would leave: candidates, what was discarded and why, order, headers,'
    ' failover. Sees uncommitted changes. Raises P0002 for an unknown company and 22023 for an'
    ' invalid number, with the value in DETAIL.';
revoke execute on function explain_route from public;
grant execute on function explain_route to vfax_service, vfax_brand;
