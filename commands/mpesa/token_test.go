package mpesa

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAHundredPushesFetchOneToken(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	arrived := make(chan struct{})
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) {
		<-arrived
		say(w, 200, `{"access_token":"T1","expires_in":"3599"}`)
	}
	c := d.client(func(o *Options) { o.Concurrency = 100 })
	var started, done sync.WaitGroup
	for i := range 100 {
		started.Add(1)
		done.Go(func() {
			started.Done()
			ch := ChannelKey(fmt.Sprintf("ch-%d", i%3)) // three channels of one app share its token
			if _, err := c.Push(context.Background(), ch, testCredentials(), testPush()); err != nil {
				t.Error(err)
			}
		})
	}
	started.Wait()
	close(arrived)
	done.Wait()
	if d.minted() != 1 || len(d.seen()) != 100 {
		t.Errorf("%d tokens, %d pushes", d.minted(), len(d.seen()))
	}
}

func TestATokenIsUsedUntilAMinuteBeforeItsEnd(t *testing.T) {
	var now atomic.Int64
	d := newDaraja(t, always(200, acceptedRaw))
	c := d.client(func(o *Options) { o.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	for _, step := range []struct {
		at     int64
		minted int
	}{{0, 1}, {3538, 1}, {3539, 2}, {3539 + 3538, 2}, {3539 + 3539, 3}} {
		now.Store(step.at)
		if _, err := c.Push(context.Background(), testChannel, testCredentials(), testPush()); err != nil {
			t.Fatal(err)
		}
		if d.minted() != step.minted {
			t.Errorf("at %d s: %d tokens, want %d", step.at, d.minted(), step.minted)
		}
	}
}

func TestExpiresInIsATextOrANumberOrMissing(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		`"3599"`: 3599 * time.Second, `3599`: 3599 * time.Second, `3.599E3`: 3599 * time.Second, `" 3599 "`: 3599 * time.Second, `0`: 0,
		``: tokenLifeUnknown, `null`: tokenLifeUnknown, `"soon"`: tokenLifeUnknown, `-1`: tokenLifeUnknown, `{}`: tokenLifeUnknown,
		`99999999999999999999`: tokenLifeUnknown, `1e30`: tokenLifeUnknown,
	} {
		if got := tokenLife([]byte(raw)); got != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
}

func TestAShortLivedTokenServesThoseWhoWaitedForIt(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	d.token = func(w http.ResponseWriter, _ *http.Request, n int) {
		say(w, 200, fmt.Sprintf(`{"access_token":"T%d","expires_in":5}`, n))
	}
	c := d.client()
	for range 3 {
		if _, err := c.Push(context.Background(), testChannel, testCredentials(), testPush()); err != nil {
			t.Fatal(err)
		}
	}
	if d.minted() != 3 {
		t.Errorf("%d tokens", d.minted())
	}
}

func TestARefusedTokenIsReplacedOnceInEverySpelling(t *testing.T) {
	for name, refusal := range map[string]struct {
		status int
		body   string
	}{
		"push":          {404, errorBody("404.001.03", "Invalid Access Token")},
		"C2B":           {400, errorBody("400.003.01", "Invalid Access Token")},
		"balance":       {401, errorBody("401.002.01", "Error Occurred - Invalid Access Token - T1")},
		"pull":          {401, errorBody("401.001", "whatever")},
		"header":        {404, errorBody("404.001.04", "Invalid Authentication Header")},
		"text only":     {400, errorBody("499.000", "Invalid Access Token")},
		"gateway fault": {401, `{"fault":{"faultstring":"Invalid access token","detail":{"errorcode":"keymanagement.service.invalid_access_token"}}}`},
		"bare 401":      {401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaraja(t, nil)
			d.answer = func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Header.Get("Authorization") == "Bearer T1" {
					say(w, refusal.status, refusal.body)
					return
				}
				say(w, 200, acceptedRaw)
			}
			c := d.client()
			if _, err := c.Push(context.Background(), testChannel, testCredentials(), testPush()); err != nil {
				t.Fatal(err)
			}
			if d.minted() != 2 || len(d.seen()) != 2 {
				t.Errorf("%d tokens, %d calls", d.minted(), len(d.seen()))
			}

			d.answer = always(refusal.status, refusal.body)
			_, err := c.Push(context.Background(), testChannel, testCredentials(), testPush())
			e := wantError(t, err)
			if code, _ := e.Reason(); e.Kind != Rejected || code != FailureTokenRejected || !e.Retryable {
				t.Errorf("%v: %s", e, code)
			}
			if d.minted() != 3 || len(d.seen()) != 4 {
				t.Errorf("%d tokens, %d calls in all", d.minted(), len(d.seen()))
			}
			if strings.Contains(e.Error(), "T1") {
				t.Errorf("a token in %q", e.Error())
			}
		})
	}
}

func TestAnUnknownOutcomeAfterAReplacedTokenIsNotSentAgain(t *testing.T) {
	d := newDaraja(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			say(w, 404, errorBody("404.001.03", "Invalid Access Token"))
			return
		}
		say(w, 500, "")
	})
	e := push(t, context.Background(), d.client())
	if e.Kind != Unknown || len(d.seen()) != 2 {
		t.Errorf("%v, %d calls", e, len(d.seen()))
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		body    string
		failure string
		retry   bool
		tries   int
	}{
		"wrong key":             {400, errorBody("400.008.01", "Invalid Authentication passed"), FailureInvalidCredentials, false, 1},
		"wrong key, empty body": {400, "", FailureInvalidCredentials, false, 1},
		"wrong key, 401":        {401, "<html>", FailureInvalidCredentials, false, 1},
		"wrong grant":           {400, errorBody("400.008.02", "Invalid grant type passed"), FailureInvalidRequest, false, 1},
		"down":                  {503, "<html>", FailureProviderUnavailable, true, 2},
		"busy":                  {500, errorBody("500.003.02", "Spike Arrest Violation"), FailureProviderBusy, true, 1},
		"throttled":             {429, "", FailureProviderBusy, true, 1},
		"HTML 200":              {200, "<html>", FailureProviderUnavailable, true, 1},
		"no token":              {200, `{"expires_in":"3599"}`, FailureProviderUnavailable, true, 1},
		"token with a newline":  {200, `{"access_token":"a\nX-Evil: 1","expires_in":"3599"}`, FailureProviderUnavailable, true, 1},
		"endless token":         {200, `{"access_token":"` + strings.Repeat("a", maxTokenBytes+1) + `"}`, FailureProviderUnavailable, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaraja(t, always(200, acceptedRaw))
			d.token = func(w http.ResponseWriter, _ *http.Request, _ int) { say(w, test.status, test.body) }
			e := push(t, context.Background(), d.client())
			if code, sentence := e.Reason(); e.Kind != NotSent || e.Call != "push" || code != test.failure || e.Retryable != test.retry || sentence == "" {
				t.Errorf("%v: %v %s retryable %v", e, e.Kind, code, e.Retryable)
			}
			if d.minted() != test.tries || len(d.seen()) != 0 {
				t.Errorf("%d fetches, %d calls", d.minted(), len(d.seen()))
			}
		})
	}
}

func TestAFetchThatMetA5xxIsRepeated(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	d.token = func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			say(w, 503, "<html>")
			return
		}
		say(w, 200, `{"access_token":"T2","expires_in":"3599"}`)
	}
	if _, err := d.client().Push(context.Background(), testChannel, testCredentials(), testPush()); err != nil || d.minted() != 2 {
		t.Errorf("%v, %d fetches", err, d.minted())
	}
}

func TestAWaiterWhoGivesUpDoesNotEndTheFetchOfOthers(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	fetching, release := make(chan struct{}), make(chan struct{})
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) {
		close(fetching)
		<-release
		say(w, 200, `{"access_token":"T1","expires_in":"3599"}`)
	}
	c := d.client()
	ctx, cancel := context.WithCancel(context.Background())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Push(ctx, testChannel, testCredentials(), testPush())
		first <- err
	}()
	<-fetching
	go func() {
		_, err := c.Push(context.Background(), testChannel, testCredentials(), testPush())
		second <- err
	}()
	cancel()
	if e := wantError(t, <-first); e.Kind != NotSent {
		t.Errorf("%v", e)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the other one: %v", err)
	}
	if d.minted() != 1 {
		t.Errorf("%d fetches", d.minted())
	}
}

func TestOtherCredentialsHaveAnotherToken(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	c := d.client()
	rotated := testCredentials()
	rotated.ConsumerSecret = "rotated"
	for _, cred := range []Credentials{testCredentials(), rotated, testCredentials()} {
		if _, err := c.Push(context.Background(), testChannel, cred, testPush()); err != nil {
			t.Fatal(err)
		}
	}
	if d.minted() != 2 {
		t.Errorf("%d tokens", d.minted())
	}
}

func TestATokenFetchIsBasicAndAsksForClientCredentials(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	d.token = func(w http.ResponseWriter, r *http.Request, _ int) {
		user, pass, ok := r.BasicAuth()
		if !ok || user != "consumer-key-1" || pass != "consumer-secret-1" || r.Method != http.MethodGet || r.URL.RawQuery != "grant_type=client_credentials" {
			t.Errorf("%s %s %s %s", r.Method, r.URL, user, pass)
		}
		say(w, 200, `{"access_token":"T1","expires_in":"3599"}`)
	}
	if err := d.client().Probe(context.Background(), testCredentials()); err != nil {
		t.Error(err)
	}
}

func TestProbeTellsAWrongKeyFromADeadHost(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) { say(w, 400, "") }
	e := wantError(t, d.client().Probe(context.Background(), testCredentials()))
	if code, _ := e.Reason(); code != FailureInvalidCredentials || e.Call != "probe" {
		t.Errorf("%v: %s", e, code)
	}
	d.token = func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }
	e = wantError(t, d.client().Probe(context.Background(), testCredentials()))
	if code, _ := e.Reason(); code != FailureProviderUnavailable {
		t.Errorf("%v: %s", e, code)
	}
	e = wantError(t, d.client().Probe(context.Background(), Credentials{}))
	if code, _ := e.Reason(); code != FailureChannelMisconfigured {
		t.Errorf("%v: %s", e, code)
	}
}

func TestAProbeJoinsTheFetchThatIsUnderWay(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) {
		arrived <- struct{}{}
		<-release
		say(w, 200, `{"access_token":"T1","expires_in":"3599"}`)
	}
	c := d.client()
	pushed := make(chan error, 1)
	go func() {
		_, err := c.Push(context.Background(), testChannel, testCredentials(), testPush())
		pushed <- err
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Probe(ctx, testCredentials()); err == nil {
		t.Error("the probe did not wait for the fetch")
	}
	close(release)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	if d.minted() != 1 {
		t.Errorf("%d fetches: a second token may end the first", d.minted())
	}
	// With nothing under way it fetches anew, whatever is kept: that is the question.
	if err := c.Probe(context.Background(), testCredentials()); err != nil || d.minted() != 2 {
		t.Errorf("%v after %d fetches", err, d.minted())
	}
}
