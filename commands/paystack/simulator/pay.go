package simulator

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// step is what the page asks for.
type step string

const (
	stepCard  step = "card"
	stepPIN   step = "pin"
	stepPhone step = "phone"
	stepOTP   step = "otp"
	stepBank  step = "bank"
	stepPaid  step = "paid"
)

var (
	cardFormat   = regexp.MustCompile(`^[0-9]{12,19}$`)
	cvvFormat    = regexp.MustCompile(`^[0-9]{3,4}$`)
	expiryFormat = regexp.MustCompile(`^(0?[1-9]|1[0-2])/?([0-9]{2}|20[0-9]{2})$`)
	phoneFormat  = regexp.MustCompile(`^\+?[0-9]{10,15}$`)
)

// attempt is where the payer stands after a form was sent.
type attempt struct {
	step    step
	message string  // why the form is shown again
	outcome Outcome // "" while more is asked, or when the form was filled in wrongly
	before  []hook  // webhooks to deliver before the browser is sent on
	after   []hook
	at      time.Time
	dispute bool // the payer will complain
}

// current is the step that t waits for. The caller holds mu.
func (t *transaction) current() step {
	switch {
	case t.paid():
		return stepPaid
	case t.step == "":
		return stepCard
	}
	return t.step
}

// submit takes one form of the page.
func (s *Simulator) submit(t *transaction, form url.Values) attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked := t.current(); asked == stepPaid || string(asked) != form.Get("step") {
		// Paid, or a page from before: show where things stand.
		return attempt{step: asked}
	}
	now := s.opts.Now()
	switch t.current() {
	case stepCard:
		return s.submitCard(t, form, now)
	case stepPIN:
		return s.check(t, form.Get("pin") == t.card.PIN, now)
	case stepPhone:
		phone := strings.NewReplacer(" ", "", "-", "").Replace(form.Get("phone"))
		if !phoneFormat.MatchString(phone) {
			return attempt{step: stepPhone, message: "Enter a phone number of ten digits or more."}
		}
		return s.check(t, true, now)
	case stepOTP:
		return s.check(t, form.Get("otp") == t.card.OTP, now)
	case stepBank:
		if form.Get("bank") == "refuse" {
			return s.conclude(t, Declined, now)
		}
		return s.check(t, true, now)
	case stepPaid:
	}
	return attempt{step: t.current()}
}

// submitCard starts an attempt. A number, date or code that cannot be right is no attempt yet.
func (s *Simulator) submitCard(t *transaction, form url.Values, now time.Time) attempt {
	number := strings.NewReplacer(" ", "", "-", "").Replace(form.Get("card_number"))
	cvv := strings.TrimSpace(form.Get("cvv"))
	card, listed := s.cards[number]
	month, year, expires := parseExpiry(form.Get("expiry"))
	wrong := ""
	switch {
	case !cardFormat.MatchString(number) || !listed && !luhn(number):
		wrong = "This is no card number."
	case !expires || !now.Before(time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)):
		wrong = "Enter an expiry date in the future, as MM/YY."
	case !cvvFormat.MatchString(cvv):
		wrong = "The CVV is the three digits on the back."
	}
	if wrong != "" {
		return attempt{step: stepCard, message: wrong}
	}
	if t.attempts == 0 {
		t.startedAt = now
	}
	t.attempts++
	t.note("action", "Attempted to pay with card", now)
	t.card = card
	t.instrument = &instrument{
		bin: number[:6], last4: number[len(number)-4:], expMonth: pad(month), expYear: strconv.Itoa(year),
		brand: brand(number), authorizationCode: "AUTH_" + s.letters(10, lower), signature: "SIG_" + s.letters(20, mixed),
	}
	switch {
	case !listed:
		t.card = Card{Webhook: "normal"}
		return s.conclude(t, NotATestCard, now)
	case cvv != card.CVV:
		return s.conclude(t, WrongCVV, now)
	}
	return s.proceed(t, stepCard, now)
}

func parseExpiry(text string) (month, year int, ok bool) {
	parts := expiryFormat.FindStringSubmatch(strings.ReplaceAll(text, " ", ""))
	if parts == nil {
		return 0, 0, false
	}
	month, _ = strconv.Atoi(parts[1]) // the format leaves digits only
	year, _ = strconv.Atoi(parts[2])
	if year < 100 {
		year += 2000
	}
	return month, year, true
}

func pad(month int) string {
	if month < 10 {
		return "0" + strconv.Itoa(month)
	}
	return strconv.Itoa(month)
}

// check goes on when the answer to a step was right, and ends the attempt when it was not.
func (s *Simulator) check(t *transaction, right bool, now time.Time) attempt {
	if !right {
		return s.conclude(t, WrongCredential, now)
	}
	return s.proceed(t, t.step, now)
}

// proceed asks for what the card needs after the step that was passed, or concludes.
func (s *Simulator) proceed(t *transaction, passed step, now time.Time) attempt {
	order := []struct {
		step  step
		asked bool
	}{
		{stepCard, true},
		{stepPIN, t.card.PIN != ""},
		{stepPhone, t.card.Phone},
		{stepOTP, t.card.OTP != ""},
		{stepBank, t.card.BankPage},
	}
	reached := false
	for _, each := range order {
		if reached && each.asked {
			t.step, t.status, t.gatewayResponse = each.step, statusOngoing, "The customer is completing the payment"
			return attempt{step: each.step}
		}
		reached = reached || each.step == passed
	}
	return s.conclude(t, t.card.Outcome, now)
}

// conclude ends the attempt: paid, or failed with the page open for another. The caller holds mu.
func (s *Simulator) conclude(t *transaction, outcome Outcome, now time.Time) attempt {
	habit := t.card.Webhook
	if n, scripted := s.take(func(n Next) bool {
		return n.On == "" && n.Refund == "" && (n.Reference == "" || n.Reference == t.reference)
	}); scripted {
		if n.Outcome != "" {
			outcome = n.Outcome
		}
		if n.Webhook != "" {
			habit = n.Webhook
		}
	}
	t.step, t.gatewayResponse = "", outcome.gatewayResponse()
	result := attempt{step: stepCard, message: outcome.gatewayResponse(), outcome: outcome, at: now}
	if outcome == Success {
		t.note("success", "Successfully paid with card", now)
		s.enterPayment(t, habit, now)
		result.step, result.message, result.dispute = stepPaid, "", t.card.Dispute
	} else {
		t.status = statusFailed
		t.errors++
		t.note("error", "Error: "+outcome.gatewayResponse(), now)
	}
	if outcome != Success && habit != "forged" {
		return result // failed charges raise no webhook
	}
	scenario, _ := webhookScenario(habit)
	for _, h := range scenario.sends {
		if h.beforeRedirect {
			result.before = append(result.before, h)
		} else {
			result.after = append(result.after, h)
		}
	}
	return result
}
