<?php
// Answers what PHP read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex.
function told($value) {
    if ($value === null) return null;
    if (is_string($value)) return bin2hex($value);
    if (is_array($value) && array_is_list($value) && array_filter($value, 'is_string') === $value) return array_map('bin2hex', $value);
    return ['other' => bin2hex(serialize($value))];
}

// `rows[0][id]` is `$from['rows']['0']['id']`; `ids[]` is the list `$from['ids']`.
function at($from, $name) {
    preg_match_all('/[^\[\]]+/', $name, $steps);
    foreach ($steps[0] as $step) {
        if (!is_array($from) || !array_key_exists($step, $from)) return null;
        $from = $from[$step];
    }
    return told($from);
}

$name = $_SERVER['HTTP_X_READ'] ?? '';
$all = ['$_REQUEST', at($_REQUEST, $name)];
$field = 'HTTP_' . strtoupper(str_replace('-', '_', $name));
$body = json_decode(file_get_contents('php://input'), true);
$files = $_FILES[$name]['name'] ?? null;
$path = rawurldecode(explode('?', $_SERVER['REQUEST_URI'], 2)[0]);
$seen = [
    'query' => [['$_GET', at($_GET, $name)], $all],
    'form' => [['$_POST', at($_POST, $name)], $all],
    'multipart' => [['$_POST', at($_POST, $name)], $all],
    'param' => [$all],
    'cookie' => [['$_COOKIE', at($_COOKIE, $name)]],
    'header' => [['$_SERVER', told($_SERVER[$field] ?? null)]],
    'file-name' => [['$_FILES', told($files)]],
    'path' => [['REQUEST_URI', told(explode('/', $path)[2] ?? null)]],
    'path-info' => [['PATH_INFO', told(explode('/', $_SERVER['PATH_INFO'] ?? '')[1] ?? null)]],
    'json' => [['json_decode', is_array($body) ? told($body[$name] ?? null) : null]],
];
header('Content-Type: application/json');
echo json_encode(['id' => $_SERVER['HTTP_X_REQUEST_ID'] ?? '', 'bytes' => true, 'path' => bin2hex($path), 'seen' => $seen]);
