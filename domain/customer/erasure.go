package customer

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/phone"
)

// ErasureScheduled says that a customer is to be erased when nothing stands against it any more, Due at the earliest.
type ErasureScheduled struct {
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	Due      time.Time `json:"due"`
	// Mode is that of the key that asked for it: one for tests erases nobody who makes real payments by then. Empty for the operator.
	Mode domain.Mode `json:"mode,omitempty"`
	// Because is what stood against it.
	Because []Obstacle `json:"because"`
	// Reason is the merchant's word, sealed under the merchant's key: it outlives the customer's and must not name the customer.
	Reason domain.Personal `json:"reason"`
	At     time.Time       `json:"at"`
}

// EventType is the wire name.
func (ErasureScheduled) EventType() string { return "CustomerErasureScheduled" }

// SubjectName is the merchant's key.
func (e ErasureScheduled) SubjectName() string { return merchantKey(e.Merchant) }

// ErasureCancelled takes a schedule back.
type ErasureCancelled struct {
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (ErasureCancelled) EventType() string { return "CustomerErasureCancelled" }

// ErasureStarted says that a customer's keys are about to be destroyed. From here on there is no way back: whoever finds it goes on.
type ErasureStarted struct {
	ID       ID     `json:"id"`
	Merchant int64  `json:"merchant_id"`
	Hash     string `json:"hash"`
	// Payments are those that have keys of their own and hold data of this customer.
	Payments []string `json:"payments,omitempty"`
	// Lines are the names of the keys of statements' lines that speak of this customer and belong to no payment that is known.
	Lines  []string        `json:"lines,omitempty"`
	Reason domain.Personal `json:"reason"`
	At     time.Time       `json:"at"`
}

// EventType is the wire name.
func (ErasureStarted) EventType() string { return "CustomerErasureStarted" }

// SubjectName is the merchant's key.
func (e ErasureStarted) SubjectName() string { return merchantKey(e.Merchant) }

// Erased says that a customer's keys are destroyed: nobody reads what they sealed any more. Read models drop what they hold of it.
type Erased struct {
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	Payments []string  `json:"payments,omitempty"`
	Lines    []string  `json:"lines,omitempty"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Erased) EventType() string { return "CustomerErased" }

// Keys are the names of the keys that were destroyed.
func (e Erased) Keys() []string { return keysOf(e.Hash, e.Payments, e.Lines) }

// Keys are the names of the keys to destroy.
func (e ErasureStarted) Keys() []string { return keysOf(e.Hash, e.Payments, e.Lines) }

func keysOf(hash string, payments, lines []string) []string {
	out := []string{Stream(hash)}
	for _, p := range payments {
		out = append(out, PaymentKey(p))
	}
	return append(out, lines...)
}

// PaymentKey is the name of the data key of a payment whose payer was not known.
func PaymentKey(reference string) string { return "payment-" + reference }

// merchantKey is the name of a merchant's data key.
func merchantKey(id int64) string { return fmt.Sprintf("merchant-%d", id) }

// ErasureDue lists a scheduled erasure in the month in which it falls due, so that it is found then. The list is a hint: the
// customer's own stream says what is so.
type ErasureDue struct {
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (ErasureDue) EventType() string { return "CustomerErasureDue" }

// DueStream lists the erasures that fall due in the month of t, in UTC.
func DueStream(t time.Time) string { return "erasures-" + t.UTC().Format("200601") }

// Obstacle is what stands against erasing a customer.
type Obstacle struct {
	// Kind is "legal_hold", "retention" or "payments_pending".
	Kind string `json:"kind"`
	// Rule is the rule of retention, such as tax, Years what it says.
	Rule  string `json:"rule,omitempty"`
	Years int    `json:"years,omitempty"`
	// Until is when it ends; zero where nobody knows.
	Until time.Time `json:"until,omitzero"`
	// Hold is the number of a legal hold.
	Hold int64 `json:"hold,omitempty"`
	// Customer is another one, with the same phone, whom it keeps: what is known of both would go with this one.
	Customer ID `json:"customer_id,omitempty"`
}

// The kinds of obstacles.
const (
	ObstacleHold      = "legal_hold"
	ObstacleRetention = "retention"
	ObstaclePending   = "payments_pending"
)

func (o Obstacle) String() string {
	other := ""
	if o.Customer != 0 {
		other = fmt.Sprintf(" for customer %d, who has the same phone and made the same payments", o.Customer)
	}
	switch o.Kind {
	case ObstacleHold:
		return fmt.Sprintf("legal hold %d stands%s", o.Hold, other)
	case ObstacleRetention:
		return fmt.Sprintf("the rule %s keeps it until %s, %d years after the last payment%s", o.Rule, o.Until.Format(time.DateOnly), o.Years, other)
	}
	return "a payment, refund or dispute is under way"
}

// Privacy is what of a customer concerns erasing it.
type Privacy struct {
	Holds     []Hold
	Scheduled *ErasureScheduled
	// Started is an erasure that is under way.
	Started *ErasureStarted
	// Erased tells that nothing is known of the customer. One who comes back isn't erased any more; ErasedAt stays.
	Erased   bool
	ErasedAt time.Time
}

func (p Privacy) evolve(e domain.Event) Privacy {
	switch e := e.(type) {
	case ErasureScheduled:
		p.Scheduled = &e
	case ErasureCancelled:
		p.Scheduled = nil
	case ErasureStarted:
		p.Started, p.Scheduled = &e, nil
	case Erased:
		p = Privacy{Erased: true, ErasedAt: e.At}
	case HoldPlaced:
		p.Holds = append(slices.Clone(p.Holds), Hold{Number: e.Hold, Reason: string(e.Reason), At: e.At})
	case HoldReleased:
		p.Holds = slices.DeleteFunc(slices.Clone(p.Holds), func(h Hold) bool { return h.Number == e.Hold })
	}
	return p
}

// Erase erases a customer, or schedules it for when nothing stands against it any more.
type Erase struct {
	// Payments have keys of their own and hold data of the customer; Lines are keys of statements' lines that do.
	Payments, Lines []string
	// Against is what retention rules and payments have against it; legal holds stand in the state.
	Against []Obstacle
	Reason  string
	// Trail is all that was ever known of the person: the reason must not name that either.
	Trail Trail
	// Schedule asks for a schedule instead of a refusal. CarriesOut says that one is carried out: its reason was accepted when it was
	// given, and may name what became known only since.
	Schedule, CarriesOut bool
	// Mode is the key's; empty for the operator.
	Mode domain.Mode
	At   time.Time
}

// Decide starts it, or decides nothing when it is done or under way. Errors: NotFound; Conflict, whose Reason is the first
// obstacle's kind, unless it is to be scheduled; Invalid on reason.
func (c Erase) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("customer not found")
	case s.Erased || s.Started != nil:
		return nil, nil
	case c.Reason == "":
		return nil, domain.Invalid("reason", "is required")
	case (s.Person.isNamedIn(c.Reason) || c.Trail.namedIn(c.Reason)) && c.CarriesOut && s.Scheduled != nil:
		c.Reason = "as scheduled on " + s.Scheduled.At.UTC().Format(time.DateOnly)
	case s.Person.isNamedIn(c.Reason) || c.Trail.namedIn(c.Reason):
		return nil, domain.Invalid("reason", "must not name the customer: it is kept when the customer's data is gone")
	}
	var against []Obstacle
	for _, h := range s.Holds {
		against = append(against, Obstacle{Kind: ObstacleHold, Hold: h.Number})
	}
	against = append(against, c.Against...)
	if len(against) == 0 {
		return []domain.Event{ErasureStarted{
			ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Payments: c.Payments, Lines: c.Lines, Reason: domain.Personal(c.Reason), At: c.At,
		}}, nil
	}
	if !c.Schedule {
		why := make([]string, len(against))
		for i, o := range against {
			why[i] = o.String()
		}
		return nil, &domain.Error{
			Code: domain.CodeConflict, Reason: against[0].Kind,
			Message: "This customer can't be erased now: " + strings.Join(why, "; ") + `. With "schedule": true it is erased when nothing stands against it`,
		}
	}
	due := c.At
	for _, o := range against {
		if o.Until.After(due) {
			due = o.Until
		}
	}
	mode := c.Mode
	if old := s.Scheduled; old != nil {
		if mode == domain.ModeTest {
			mode = old.Mode // a key for tests takes nothing from what others asked for
		}
		if slices.Equal(old.Because, against) && (mode == domain.ModeTest) == (old.Mode == domain.ModeTest) {
			return nil, nil
		}
	}
	return []domain.Event{ErasureScheduled{
		ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Due: due, Mode: mode, Because: against, Reason: domain.Personal(c.Reason), At: c.At,
	}}, nil
}

// isNamedIn tells whether a text holds something of what is known of the person.
func (p Person) isNamedIn(text string) bool {
	var t Trail
	t.Follow(p)
	return t.namedIn(text)
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
}

const (
	// leastName is the shortest name that is looked for in a text.
	leastName = 3
	// phoneTail is how many digits at the end of a number tell it from others, however it begins.
	phoneTail = 9
)

// Phones are the forms in which the customer's number may stand in a payment.
func (p Person) Phones() []string {
	if p.Phone == "" {
		return nil
	}
	own := strings.TrimPrefix(string(p.Phone), "+")
	out := []string{own, "+" + own}
	if mpesa, err := phone.NormaliseMpesa(own); err == nil && mpesa != own {
		out = append(out, mpesa, "+"+mpesa)
	}
	if rest, ok := strings.CutPrefix(out[len(out)-1], "+254"); ok {
		out = append(out, "0"+rest)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// FinishErasure says that the keys are destroyed.
type FinishErasure struct{ At time.Time }

// Decide says it once.
func (c FinishErasure) Decide(s State) ([]domain.Event, error) {
	if s.Started == nil {
		return nil, nil
	}
	return []domain.Event{Erased{ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Payments: s.Started.Payments, Lines: s.Started.Lines, At: c.At}}, nil
}

// EraseAgain erases what came to be known of an erased customer since: a late notice of a provider, sealed under a new key.
type EraseAgain struct {
	// Payments have keys of their own that seal some of it.
	Payments []string
	At       time.Time
}

// Decide starts it only where the customer has not come back.
func (c EraseAgain) Decide(s State) ([]domain.Event, error) {
	if !s.Erased || s.Started != nil {
		return nil, nil
	}
	return []domain.Event{ErasureStarted{ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Payments: c.Payments, Reason: "a late notice of a provider", At: c.At}}, nil
}

// CancelErasure takes a schedule back.
type CancelErasure struct{ At time.Time }

// Decide takes it back once. Errors: NotFound; Conflict when it has begun.
func (c CancelErasure) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("customer not found")
	case s.Erased || s.Started != nil:
		return nil, domain.Conflictf("This customer is erased already")
	case s.Scheduled == nil:
		return nil, nil
	}
	return []domain.Event{ErasureCancelled{ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, At: c.At}}, nil
}
