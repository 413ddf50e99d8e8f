"""Answers what Werkzeug read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex."""

import json

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

RULES = Map([Rule("/path/<value>"), Rule("/path/<value>/")], merge_slashes=False)


def told(value):
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [told(one) for one in value]
    return {"other": repr(value).encode().hex()}


@Request.application
def application(request):
    name = request.headers.get("X-Read", "")
    try:
        value = RULES.bind_to_environ(request.environ).match(method="GET")[1].get("value")
    except HTTPException:
        value = None
    body = request.get_json(silent=True) if request.is_json else None
    values = [["values.get", told(request.values.get(name))]]
    form = [["form.get", told(request.form.get(name))], ["form.getlist", told(request.form.getlist(name))]]
    seen = {
        "query": [["args.get", told(request.args.get(name))], ["args.getlist", told(request.args.getlist(name))]] + values,
        "form": form + values,
        "multipart": form + values,
        "param": values,
        "cookie": [["cookies.get", told(request.cookies.get(name))]],
        "header": [["headers.get", told(request.headers.get(name))]],
        "file-name": [["files.getlist", told([file.filename for file in request.files.getlist(name)])]],
        "path": [["string converter", told(value)]],
        "json": [["get_json", told(body.get(name)) if isinstance(body, dict) else None]],
    }
    answer = {"id": request.headers.get("X-Request-Id", ""), "bytes": False, "path": told(request.path), "seen": seen}
    return Response(json.dumps(answer), mimetype="application/json")
