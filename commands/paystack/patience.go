package paystack

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How patient a list is. Lists are read in the background, so that a page can wait for a rate limit to pass (Paystack,
// Rate Limits: windows of 60 s); nobody who waits for an answer reads one.
const (
	pageAttempts = 5
	firstPause   = time.Second     // fourfold before each attempt after the second, unless Paystack says how long
	longestPause = 2 * time.Minute // asked for more than that, a list ends, and its Error says how long
)

// askPatiently carries out a GET that a list is made of. It is repeated a bounded number of times after a 429, a 5xx, a
// timeout, a transport error or an open breaker, and not before the time that Paystack asked for.
func (c *Client) askPatiently(ctx context.Context, ch ChannelKey, cred Credentials, o order) (reply, *Error) {
	o.once = true
	pause := firstPause
	for attempt := 1; ; attempt++ {
		rep, failed := c.execute(ctx, ch, cred, o)
		if failed == nil || !failed.Retryable || attempt == pageAttempts || ctx.Err() != nil {
			return rep, failed
		}
		wait := max(pause, failed.RetryAfter)
		if wait > longestPause || c.opts.Sleep(ctx, wait) != nil {
			return rep, failed
		}
		pause *= 4
	}
}

// pauseAsked is how long an answer asks to wait: Retry-After, in seconds or as a date, and on a 429 also
// x-ratelimit-reset, in seconds (recorded on the test API; a moment in Unix time is understood too). The longer counts.
func pauseAsked(status int, h http.Header, now time.Time) time.Duration {
	var pause time.Duration
	if status == http.StatusTooManyRequests || status >= 500 {
		pause = retryAfter(strings.TrimSpace(h.Get("Retry-After")), now)
	}
	if status == http.StatusTooManyRequests {
		pause = max(pause, seconds(strings.TrimSpace(h.Get("X-Ratelimit-Reset")), now))
	}
	return pause
}

func retryAfter(text string, now time.Time) time.Duration {
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), longestAsked)
	}
	return seconds(text, now)
}

// longestAsked bounds what is believed of a header, so that no sum of durations overflows.
const longestAsked = 24 * time.Hour

// seconds are a number of seconds from now, or the seconds until a moment in Unix time; 0 when it is neither.
func seconds(text string, now time.Time) time.Duration {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	const unixTimes = 1_000_000_000 // no one asks to wait for thirty years
	if n >= unixTimes {
		n -= now.Unix()
	}
	return time.Duration(min(max(n, 0), int64(longestAsked/time.Second))) * time.Second
}
