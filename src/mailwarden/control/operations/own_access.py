"""Whether administrators keep their own way in when they change who may connect (ACC-04)."""

from mailwarden.control.operations.desk import Desk
from mailwarden.core.access.access_list import NetworkAccess, Origin, shut_out


def shut_out_by(desk: Desk, access: NetworkAccess) -> str:
    """Return why the administrator could not connect again under `access`; "" if that is possible.

    Whoever is at the machine itself always can (ACC-05).
    """
    if not desk.actor.address:
        return ""
    return shut_out(access, Origin(desk.actor.address))
