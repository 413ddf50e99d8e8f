"""Answers what Django read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex."""

import json

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path, re_path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], SECRET_KEY="of no use here")


def told(value):
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [told(one) for one in value]
    return {"other": repr(value).encode().hex()}


def member(body, name):
    try:
        body = json.loads(body)
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def echo(request, value=None, **_rest):
    name = request.headers.get("X-Read", "")
    if charset := request.headers.get("X-Read-Charset"):
        request.encoding = charset
    body = request.body
    files = [file.name for file in request.FILES.getlist(name)]
    form = [["POST.get", told(request.POST.get(name))], ["POST.getlist", told(request.POST.getlist(name))]]
    seen = {
        "query": [["GET.get", told(request.GET.get(name))], ["GET.getlist", told(request.GET.getlist(name))]],
        "form": form,
        "multipart": form,
        "cookie": [["COOKIES.get", told(request.COOKIES.get(name))]],
        "header": [["headers.get", told(request.headers.get(name))]],
        "file-name": [["FILES.getlist", told(files)]],
        "path": [["path converter", told(value)]],
        "json": [["json.loads", told(member(body, name))]],
    }
    answer = {"id": request.headers.get("X-Request-Id", ""), "bytes": False, "path": told(request.path_info), "seen": seen}
    return JsonResponse(answer)


urlpatterns = [path("path/<str:value>", echo), path("path/<str:value>/", echo), re_path(r"(?s:(?P<_rest>.*))", echo)]
application = get_wsgi_application()
