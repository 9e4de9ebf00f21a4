package simulator

import (
	"net/http"
	"time"
)

// OrderAPI names an API of initiators, for scripts.
type OrderAPI string

// The APIs.
const (
	Reversal          OrderAPI = "reversal"
	B2C               OrderAPI = "b2c"
	TransactionStatus OrderAPI = "transactionstatus"
	AccountBalance    OrderAPI = "accountbalance"
)

// rejection is how an API spells a refused token (Daraja, Reversal: 404.001.03; Transaction Status: 400.003.01; Account
// Balance: 401.002.01; B2C's page names none of its own, and has Account Balance's other codes).
func (a OrderAPI) rejection() refusal {
	switch a {
	case TransactionStatus:
		return errTokenC2B
	case B2C, AccountBalance:
		return errTokenEcho
	case Reversal:
	}
	return errTokenSTK
}

// badField is how an API words a field that is wrong (Daraja, Transaction Status: 400.003.02; the others: 400.002.02).
func (a OrderAPI) badField(name string) refusal {
	if a == TransactionStatus {
		return badFieldC2B(name)
	}
	return badField(name)
}

// order is what an initiator has asked for.
type order struct {
	api            OrderAPI
	app            *App
	shortCode      string
	msisdn         string // who is paid, or whose payment is reversed; chooses the scenario
	receipt        string // of the payment that is reversed
	chosenID       bool   // the merchant chose originatorID
	originatorID   string
	conversationID string
	resultURL      string
	timeoutURL     string
	occasion       string
	trusted        bool                        // the initiator's name and password are right
	work           func(at time.Time) outcome  // carries it out on the book
	refused        func(at time.Time) *outcome // writes down that it was declined; nil when there is nothing to write

	acceptedAt time.Time
	scenario   string
	plan       orderPlan

	outcome   *outcome // nil until it is carried out; guarded by Simulator.mu, like delivered
	delivered int      // how many of the plan's sends have been made
}

// outcome is what became of an order.
type outcome struct {
	code       string
	receipt    string // the result's TransactionID
	at         time.Time
	parameters []parameter
}

// orderAnswer is the answer at once (Daraja, B2C, Reversal, Transaction Status and Account Balance, Response Body).
type orderAnswer struct {
	OriginatorConversationID string `json:"OriginatorConversationID"`
	ConversationID           string `json:"ConversationID"`
	ResponseCode             string `json:"ResponseCode"`
	ResponseDescription      string `json:"ResponseDescription"`
}

const queued = "Accept the service request successfully."

// parseOrder reads an order's fields; it names the first that is wrong.
type parseOrder func(f fields, by caller) (o *order, bad string)

// takeOrder answers an API of initiators: the fields, then the id, then what the scenario says.
func (s *Simulator) takeOrder(api OrderAPI, first string, parse parseOrder) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		f, err := readFields(w, r)
		if err != nil {
			s.refuse(w, bodyRefusal(err, api.badField(first)))
			return
		}
		o, bad := parse(f, by)
		if bad != "" {
			s.refuse(w, api.badField(bad))
			return
		}
		if s.crowded() {
			s.refuse(w, errBusy)
			return
		}
		switch taken, refusal := s.acceptOrder(o, by); {
		case refusal != nil:
			s.refuse(w, *refusal)
			return
		case !taken:
			s.answerNothing(w, o.plan.reply, api.rejection(), by.token, orderAnswer{
				s.originatorID(), s.conversationID(s.opts.Now()), "1", "The request could not be accepted",
			})
			return
		}
		s.startOrder(o)
		s.answerAs(w, r, o.plan.reply.kind, orderAnswer{o.originatorID, o.conversationID, "0", queued})
	}
}

// acceptOrder picks what will happen and takes the order on; taken is false when the plan is to refuse it or to lose it.
func (s *Simulator) acceptOrder(o *order, by caller) (taken bool, refused *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	s.catchUp(now)
	key := by.app.ConsumerKey + " " + o.originatorID
	if o.chosenID && s.orders[key] != nil {
		return false, &errDuplicate
	}
	if o.api == Reversal {
		if paid := s.ledger.byReceipt[o.receipt]; paid != nil {
			o.msisdn = paid.msisdn
		}
	}
	var scripted bool
	o.scenario, o.plan, scripted = s.chooseOrder(o.api, o.msisdn)
	if o.plan.reply.kind == replyTokenOnce {
		mark := string(o.api) + " " + o.msisdn
		if scripted || !s.tripped[mark] {
			if !scripted {
				s.tripped[mark] = true
			}
			delete(s.tokens, by.token)
			return false, nil
		}
		delete(s.tripped, mark)
		o.plan.reply = reply{}
	}
	if o.plan.reply.dead || o.plan.reply.refuses() {
		return false, nil
	}
	o.app, o.acceptedAt, o.conversationID = by.app, now, s.conversationID(now)
	s.orders[key] = o
	if s.asked = append(s.asked, o); len(s.asked) > s.opts.MaxTransactions {
		old := s.asked[0]
		s.asked[0], s.asked = nil, s.asked[1:]
		if key := old.app.ConsumerKey + " " + old.originatorID; s.orders[key] == old {
			delete(s.orders, key)
		}
	}
	if !o.plan.undone {
		s.agenda.add(now.Add(s.scaled(o.plan.after)), func(at time.Time) { s.carryOut(o, at) })
	}
	return true, nil
}

// carryOut does what was asked for, or what the scenario has instead. The caller holds mu.
func (s *Simulator) carryOut(o *order, at time.Time) {
	code := o.plan.code
	if !o.trusted {
		code = "2001"
	}
	var done outcome
	switch declined := o.refused != nil && code != "" && !beforeTransaction(code); {
	case code == "":
		done = o.work(at)
	case declined:
		done = *o.refused(at)
		done.code = code
	default:
		done.code = code
	}
	if done.receipt == "" {
		done.receipt = noReceipt(at)
	}
	done.at = at
	o.outcome = &done
}

// beforeTransaction is true for the codes that M-Pesa gives before it makes a transaction, of which no trace is left
// (Daraja, Account Balance, Error Codes).
func beforeTransaction(code string) bool {
	switch code {
	case "15", "17", "18", "20", "21", "22", "24", "25", "26", "29", "2001", "8006":
		return true
	}
	return len(code) >= 9 // those of the platform, 100000000 and on
}
