package simulator

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"time"
)

// defaultTTL is what the sandbox reports (Daraja, Authorization: 3600 s; seen: 3599).
const defaultTTL = 3599 * time.Second

// grant is a live token.
type grant struct {
	app     *App
	expires time.Time
}

// authorize is GET /oauth/v1/generate?grant_type=client_credentials.
func (s *Simulator) authorize(w http.ResponseWriter, r *http.Request) {
	faults := s.Faults()
	if s.misbehave(w, r, faults.OAuth) {
		return
	}
	key, secret, basic := r.BasicAuth()
	if !basic || faults.OAuth == Rejected {
		s.refuse(w, errAuthType)
		return
	}
	if r.Method != http.MethodGet {
		s.refuse(w, errVerb)
		return
	}
	if r.URL.Query().Get("grant_type") != "client_credentials" {
		s.refuse(w, errGrantType)
		return
	}
	app := s.appWith(key, secret)
	if app == nil {
		if faults.WrongSecretEmptyBody {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.refuse(w, errAuthType)
		return
	}
	ttl := defaultTTL
	if faults.TokenTTLSeconds > 0 {
		ttl = time.Duration(faults.TokenTTLSeconds) * time.Second
	}
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   string `json:"expires_in"` // a string in practice; the portal's sample has a number
	}{s.mint(app, ttl, faults.NewTokenKillsOld), strconv.Itoa(int(ttl / time.Second))})
}

func (s *Simulator) appWith(key, secret string) *App {
	for i := range s.opts.Apps {
		app := &s.opts.Apps[i]
		if subtle.ConstantTimeCompare([]byte(app.ConsumerKey), []byte(key))&
			subtle.ConstantTimeCompare([]byte(app.ConsumerSecret), []byte(secret)) == 1 {
			return app
		}
	}
	return nil
}

func (s *Simulator) mint(app *App, ttl time.Duration, alone bool) string {
	token, now := s.accessToken(), s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	crowded := len(s.tokens) >= maxTokens
	for t, g := range s.tokens {
		if (alone && g.app == app) || (crowded && !now.Before(g.expires)) {
			delete(s.tokens, t)
		}
	}
	for t := range s.tokens {
		if len(s.tokens) < maxTokens {
			break
		}
		delete(s.tokens, t)
	}
	s.tokens[token] = grant{app, now.Add(ttl)}
	return token
}

// appOf is the app behind a token, nil when the token is unknown or too old.
func (s *Simulator) appOf(token string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.tokens[token]
	if !found || !s.opts.Now().Before(g.expires) {
		return nil
	}
	return g.app
}
