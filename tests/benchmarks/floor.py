"""The floor of KEMI: what native.cfg does, call for call, in Python; it routes nothing.

Kamailio loads this file; nothing of ours is in it.
"""

import KSR as KSR


class Callbacks:
    """The object that `mod_init` hands to Kamailio."""

    def child_init(self, _rank: int) -> int:
        """Have nothing to prepare."""
        return 0

    def ksr_request_route(self, _msg: object) -> int:
        """Route a request as native.cfg does."""
        if KSR.maxfwd.process_maxfwd(70) < 0:
            KSR.sl.send_reply(483, "Too Many Hops")
            return 1
        if KSR.sanity.sanity_check(17895, 7) < 0:
            return 1
        method = KSR.kx.get_method()
        if method == "CANCEL":
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        if KSR.siputils.has_totag() > 0:
            if KSR.rr.loose_route() > 0 or (method == "ACK" and KSR.tm.t_check_trans() > 0):
                KSR.tm.t_relay()
            elif method != "ACK":
                KSR.sl.send_reply(404, "Not Here")
            return 1
        if method == "OPTIONS":
            KSR.sl.send_reply(200, "OK")
            return 1
        called = KSR.kx.gete_ruser()
        if KSR.htable.sht_get("ddi", called) is None:
            KSR.sl.send_reply(404, "Not Found")
        elif KSR.dispatcher.ds_select_dst(1, 4) < 0:
            KSR.sl.send_reply(480, "No bridge")
        else:
            KSR.hdr.append(f"X-Vfax-Ddi: {called}\r\n")
            KSR.rr.record_route()
            KSR.tm.t_on_failure("ksr_failure")
            KSR.tm.t_relay()
        return 1

    def ksr_failure(self, _msg: object) -> int:
        """Try the next server."""
        if (
            KSR.tm.t_is_canceled() < 0
            and KSR.tm.t_get_status_code() >= 500
            and KSR.dispatcher.ds_next_dst() > 0
        ):
            KSR.tm.t_on_failure("ksr_failure")
            KSR.tm.t_relay()
        return 1


def mod_init() -> Callbacks:
    """Build the callbacks before the fork."""
    return Callbacks()
