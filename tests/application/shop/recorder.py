"""Writes down each request that the application received, one JSON line each, so that tests can assert it."""
import json
import os


class Recorder:
    def __init__(self, get_response):
        self.get_response = get_response
        self.file = os.open(os.path.join(os.environ["SHOP_DATA"], "received.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, request):
        line = {
            "method": request.method, "target": request.get_full_path(), "headers": dict(request.headers),
            "form": dict(request.POST.lists()), "files": sorted(request.FILES),
        }
        os.write(self.file, (json.dumps(line) + "\n").encode())
        return self.get_response(request)
