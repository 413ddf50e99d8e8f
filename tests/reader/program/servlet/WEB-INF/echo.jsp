<%@ page contentType="application/json; charset=UTF-8" session="false" trimDirectiveWhitespaces="true"
    import="java.nio.charset.StandardCharsets,java.util.ArrayList,java.util.HexFormat,java.util.List" %><%!
// Answers what the container read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex.
static String hex(String text) {
    return text == null ? "null" : "\"" + HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)) + "\"";
}

static String list(Iterable<String> texts) {
    List<String> told = new ArrayList<>();
    for (String text : texts) told.add(hex(text));
    return "[" + String.join(",", told) + "]";
}

static String seen(String place, String... accessors) {
    return "\"" + place + "\":[" + String.join(",", accessors) + "]";
}

static String accessor(String name, String told) {
    return "[\"" + name + "\"," + told + "]";
}
%><%
String charset = request.getHeader("X-Read-Charset");
request.setCharacterEncoding(charset == null ? "UTF-8" : charset);
String name = request.getHeader("X-Read");
if (name == null) name = "";
String[] values = request.getParameterValues(name);
String one = accessor("getParameter", hex(request.getParameter(name)));
String many = accessor("getParameterValues", values == null ? "null" : list(List.of(values)));
String cookie = null;
if (request.getCookies() != null)
    for (Cookie sent : request.getCookies())
        if (cookie == null && sent.getName().equals(name)) cookie = sent.getValue();
List<String> files = new ArrayList<>();
String type = request.getContentType();
if (type != null && type.toLowerCase().startsWith("multipart/"))
    for (Part part : request.getParts())
        if (part.getName().equals(name) && part.getSubmittedFileName() != null) files.add(part.getSubmittedFileName());
String path = request.getPathInfo() == null ? "" : request.getPathInfo();
String[] steps = path.split("/", -1);
out.print("{\"id\":\"" + request.getHeader("X-Request-Id") + "\",\"bytes\":false,\"path\":" + hex(path) + ",\"seen\":{"
    + String.join(",",
        seen("query", one, many), seen("form", one, many), seen("multipart", one, many), seen("param", one, many),
        seen("cookie", accessor("getCookies", hex(cookie))),
        seen("header", accessor("getHeader", hex(request.getHeader(name)))),
        seen("file-name", accessor("getSubmittedFileName", list(files))),
        seen("path", accessor("getPathInfo", hex(steps.length > 2 ? steps[2] : null))))
    + "}}");
%>
