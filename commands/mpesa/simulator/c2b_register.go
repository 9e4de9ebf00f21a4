package simulator

import "net/http"

// registration holds a shortcode's C2B URLs.
type registration struct {
	version         int    // 1: MSISDN as SHA-256, 2: masked
	responseType    string // what happens when ValidationURL does not answer
	confirmationURL string
	validationURL   string
}

// registerURL is POST /mpesa/c2b/v1/registerurl and /v2/registerurl.
func (s *Simulator) registerURL(version int) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		f, err := readFields(w, r)
		if err != nil {
			s.refuse(w, bodyRefusal(err, badFieldC2B("ShortCode")))
			return
		}
		shortCode, reg, bad := s.parseRegistration(f, by.app)
		if bad != "" {
			s.refuse(w, badFieldC2B(bad))
			return
		}
		reg.version = version
		if !s.register(shortCode, reg) {
			s.refuse(w, errRegistered)
			return
		}
		writeJSON(w, http.StatusOK, c2bAnswer{s.originatorID(), "0", "Success"})
	}
}

// c2bAnswer has Safaricom's own misspelling.
type c2bAnswer struct {
	OriginatorConversationID string `json:"OriginatorCoversationID"`
	ResponseCode             string `json:"ResponseCode"`
	ResponseDescription      string `json:"ResponseDescription"`
}

func (s *Simulator) parseRegistration(f fields, app *App) (shortCode string, reg registration, bad string) {
	shortCode = f.scalar("ShortCode")
	if _, known := app.shortCode(shortCode); !known {
		return "", reg, "ShortCode"
	}
	reg.responseType, _ = f.text("ResponseType")
	if reg.responseType != "Completed" && reg.responseType != "Cancelled" { // first letter upper-case, says the page
		return "", reg, "ResponseType"
	}
	var ok bool
	if reg.confirmationURL, ok = f.text("ConfirmationURL"); !ok || !s.urlAllowed(reg.confirmationURL, true) {
		return "", reg, "ConfirmationURL"
	}
	if reg.validationURL, ok = f.text("ValidationURL"); !ok || !s.urlAllowed(reg.validationURL, true) {
		return "", reg, "ValidationURL"
	}
	return shortCode, reg, ""
}

func (s *Simulator) register(shortCode string, reg registration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, again := s.registrations[shortCode]
	if (again && s.opts.OneTimeRegistration) || (!again && len(s.registrations) >= maxRegistrations) {
		return false
	}
	s.registrations[shortCode] = reg
	return true
}
