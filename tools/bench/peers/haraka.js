// Takes mail for every recipient and relays it to the sink through Haraka's own durable queue.
exports.hook_mail = function (next, connection) {
    connection.relaying = true
    next(OK)
}
exports.hook_rcpt = function (next, connection) {
    connection.relaying = true
    next(OK)
}
exports.hook_get_mx = function (next) {
    next(OK, { exchange: '127.0.0.1', priority: 0, port: @SINK@ })
}
