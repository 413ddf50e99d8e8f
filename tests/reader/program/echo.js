// Answers what Express and `qs` read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex.
"use strict";
const from = process.argv[2] + "/node_modules/";
const express = require(from + "express");
const cookieParser = require(from + "cookie-parser");
const multer = require(from + "multer");

function told(value) {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return Buffer.from(value).toString("hex");
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.map(told);
  return { other: Buffer.from(JSON.stringify(value)).toString("hex") };
}

// `rows[0][id]` is `from.rows[0].id`; `ids[]` is the list `from.ids`.
function at(from, name) {
  for (const step of name.match(/[^[\]]+/g) || []) {
    if (from === null || typeof from !== "object") return null;
    from = Object.prototype.hasOwnProperty.call(from, step) ? from[step] : undefined;
  }
  return told(from);
}

function echo(request, response) {
  const name = request.get("X-Read") || "";
  const body = request.is("json") ? {} : request.body || {};
  const json = request.is("json") && request.body && typeof request.body === "object" ? request.body[name] : null;
  const files = (request.files || []).filter((file) => file.fieldname === name).map((file) => file.originalname);
  const seen = {
    query: [["req.query", at(request.query, name)]],
    form: [["req.body", at(body, name)]],
    multipart: [["req.body", at(body, name)]],
    cookie: [["req.cookies", at(request.cookies, name)]],
    header: [["req.get", told(request.get(name))]],
    "file-name": [["originalname", told(files)]],
    path: [["req.params", told(request.params.value)]],
    json: [["req.body", told(json)]],
  };
  let path = null;
  try {
    path = decodeURIComponent(request.path);
  } catch {
    // left untold
  }
  response.json({ id: request.get("X-Request-Id") || "", bytes: false, path: told(path), seen });
}

const app = express();
app.use(cookieParser("of no use here"), express.json(), express.urlencoded({ extended: true }), multer().any());
app.all("/path/:value", echo);
app.use(echo);
const server = app.listen(0, "127.0.0.1", () => console.log("listening at " + server.address().port));
