-- wrk: POST the file in $BODY; at the end one line with requests, microseconds, p50 and p99 in microseconds, failures.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()

function done(summary, latency)
    local wrong = summary.errors
    local failures = wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), failures))
end
