package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// pullWindow is how far back payments are given out, pullPage how many at once (Daraja, Pull Transactions; how long a page
// is, is not documented).
const (
	pullWindow = 48 * time.Hour
	pullPage   = 100
)

type pullRegistered struct {
	ResponseRefID       string `json:"ResponseRefID"`
	ResponseStatus      string `json:"ResponseStatus"`
	ShortCode           string `json:"ShortCode"`
	ResponseDescription string `json:"ResponseDescription"`
}

// registerPull is POST /pulltransactions/v1/register.
func (s *Simulator) registerPull(w http.ResponseWriter, r *http.Request, by caller) {
	f, err := readFields(w, r)
	if err != nil {
		s.refuse(w, bodyRefusal(err, errPullCode))
		return
	}
	a := &orderFields{s: s, f: f, by: by}
	number := a.shortCode("ShortCode").Number
	kind, _ := f.text("RequestType")
	a.want("RequestType", kind == "Pull")
	a.msisdn("NominatedNumber")
	a.url("CallBackURL")
	switch a.bad {
	case "":
	case "ShortCode":
		s.refuse(w, errPullCode)
		return
	default:
		s.refuse(w, badField(a.bad))
		return
	}
	s.mu.Lock()
	again := s.pullers[number]
	s.pullers[number] = true
	s.mu.Unlock()
	answer := pullRegistered{s.requestID(), "1000", number, "Shortcode Registered Successfully"}
	if again {
		answer.ResponseStatus, answer.ResponseDescription = "1001", "ShortCode already Registered"
	}
	writeJSON(w, http.StatusOK, answer)
}

type pullAnswer struct {
	ResponseRefID   string      `json:"ResponseRefID"`
	ResponseCode    string      `json:"ResponseCode"`
	ResponseMessage string      `json:"ResponseMessage"`
	Response        [][]pullRow `json:"Response"` // a list within a list, as in the samples
}

// pullRow is a row; its names are in small letters, unlike all others.
type pullRow struct {
	TransactionID    string      `json:"transactionId"`
	TrxDate          string      `json:"trxDate"`
	MSISDN           json.Number `json:"msisdn,omitempty"` // without 254
	Sender           string      `json:"sender"`
	TransactionType  string      `json:"transactiontype"`
	BillReference    string      `json:"billreference"`
	Amount           string      `json:"amount"`
	OrganizationName string      `json:"organizationname"`
}

// pullTransactions is /pulltransactions/v1/query. Only customers' payments of the last 48 hours are given out, and their
// reversals as rows of their own; how Safaricom shows a reversal is not documented.
func (s *Simulator) pullTransactions(w http.ResponseWriter, r *http.Request, by caller) {
	f, err := readFields(w, r)
	if err != nil {
		s.refuse(w, bodyRefusal(err, errPullCode))
		return
	}
	sc, known := by.app.shortCode(f.scalar("ShortCode"))
	from, errFrom := pullTime(f.scalar("StartDate"))
	to, errTo := pullTime(f.scalar("EndDate"))
	offset, errOffset := strconv.Atoi(f.scalar("OffSetValue"))
	switch {
	case !known || !s.pulls(sc.Number):
		s.refuse(w, errPullCode)
		return
	case errFrom != nil:
		s.refuse(w, badField("StartDate"))
		return
	case errTo != nil || to.Before(from):
		s.refuse(w, badField("EndDate"))
		return
	case errOffset != nil || offset < 0:
		s.refuse(w, badField("OffSetValue"))
		return
	}
	rows := s.pullRows(sc.Number, from, to)
	rows = rows[min(offset, len(rows)):]
	answer := pullAnswer{s.requestID(), "1000", "Success", [][]pullRow{rows[:min(pullPage, len(rows))]}}
	if len(rows) == 0 {
		answer.ResponseCode, answer.ResponseMessage = "1001", "No transactions available for the selected time period"
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Simulator) pulls(number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pullers[number]
}

func (s *Simulator) pullRows(number string, from, to time.Time) []pullRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	s.catchUp(now)
	rows := []pullRow{}
	for _, m := range s.ledger.movements {
		if m.shortCode != number || m.completed.Before(now.Add(-pullWindow)) || m.completed.Before(from) || m.completed.After(to) {
			continue
		}
		row := pullRow{
			TransactionID: m.receipt, TrxDate: m.completed.UTC().Format("2006-01-02T15:04:05Z"), Sender: customerName, BillReference: m.billRef,
			Amount: cents(m.cents), OrganizationName: shopName(number), TransactionType: "c2b-pay-bill-debit",
		}
		if m.buyGoods {
			row.TransactionType = "c2b-buy-goods-debit"
		}
		switch {
		case m.kind == paymentReversal && m.status == statusCompleted:
			row.TransactionType, row.BillReference = "c2b-reversal", m.reverses
		case m.kind != customerPayment:
			continue
		}
		if m.organisation {
			row.Sender = organisationName
		} else {
			row.MSISDN = json.Number(m.msisdn[3:])
		}
		rows = append(rows, row)
	}
	return rows
}

// pullTime reads 2020-08-04 8:36:00 or 2019-07-31 19:00, in East Africa Time.
func pullTime(text string) (time.Time, error) {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, eat)
	if err != nil {
		return time.ParseInLocation("2006-01-02 15:04", text, eat)
	}
	return at, nil
}
