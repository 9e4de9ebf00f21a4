package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// adminPortal adds the routes for what Safaricom hands out and what people do on the organisation portal.
//
//	GET  /__sim/certificate                    the certificate for initiators' passwords, PEM
//	GET  /__sim/orders                         what initiators have asked for, and what became of it
//	GET  /__sim/balances                       the accounts of every shortcode
//	GET  /__sim/tariff                         what is charged
//	POST /__sim/tariff                         set the charges that are named
//	POST /__sim/reversals                      {"receipt"}: reverse a payment on the portal
//	POST /__sim/withdrawals                    {"shortcode","amount"}: from the utility account towards the bank, in shillings
//	POST /__sim/deposits                       {"shortcode","amount"}: into the utility account
//	GET  /__sim/statement?shortcode=&from=&to=&format=csv|xlsx
//	                                           the portal's export; also account=utility|working|charges, withdrawn=negative,
//	                                           order=newest, dates=serial; from and to as 2026-01-31, 2026-01-31 15:04:05 (East
//	                                           Africa Time) or RFC 3339, to not included
func (s *Simulator) adminPortal(handle func(pattern string, h http.HandlerFunc)) {
	handle("GET /__sim/certificate", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		w.Header().Set("Content-Disposition", `attachment; filename="certificate.cer"`)
		_, _ = w.Write(s.Certificate())
	})
	handle("GET /__sim/orders", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"orders": s.Orders()})
	})
	handle("GET /__sim/balances", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"balances": s.Balances()})
	})
	handle("GET /__sim/tariff", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Tariff()) })
	handle("POST /__sim/tariff", func(w http.ResponseWriter, r *http.Request) {
		t := s.Tariff()
		if !readAdmin(w, r, &t) {
			return
		}
		if err := s.SetTariff(t); err != nil {
			adminError(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		writeJSON(w, http.StatusOK, t)
	})
	handle("POST /__sim/reversals", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Receipt string `json:"receipt"`
		}
		if readAdmin(w, r, &asked) {
			receipt, err := s.ReverseOnPortal(asked.Receipt)
			answerReceipt(w, receipt, err)
		}
	})
	byHand := func(do func(shortCode string, shillings int64) (string, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var asked struct {
				ShortCode string `json:"shortcode"`
				Amount    int64  `json:"amount"`
			}
			if readAdmin(w, r, &asked) {
				receipt, err := do(asked.ShortCode, asked.Amount)
				answerReceipt(w, receipt, err)
			}
		}
	}
	handle("POST /__sim/withdrawals", byHand(s.Withdraw))
	handle("POST /__sim/deposits", byHand(s.Deposit))
	handle("GET /__sim/statement", s.adminStatement)
}

func answerReceipt(w http.ResponseWriter, receipt string, err error) {
	if err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"receipt": receipt})
}

func (s *Simulator) adminStatement(w http.ResponseWriter, r *http.Request) {
	ask := r.URL.Query()
	q := StatementQuery{ShortCode: ask.Get("shortcode"), Account: ask.Get("account")}
	var errFrom, errTo error
	q.From, errFrom = portalTime(ask.Get("from"))
	q.To, errTo = portalTime(ask.Get("to"))
	for name, err := range map[string]error{"from": errFrom, "to": errTo} {
		if err != nil {
			adminError(w, http.StatusBadRequest, name+": a date such as 2026-01-31, 2026-01-31 15:04:05 or RFC 3339")
			return
		}
	}
	var how StatementLayout
	for _, option := range []struct {
		name, plain, other string
		to                 *bool
	}{
		{"withdrawn", "positive", "negative", &how.NegativeWithdrawn}, {"order", "oldest", "newest", &how.NewestFirst}, {"dates", "text", "serial", &how.SerialDates},
	} {
		switch got := ask.Get(option.name); got {
		case "", option.plain:
		case option.other:
			*option.to = true
		default:
			adminError(w, http.StatusBadRequest, fmt.Sprintf("%s: %s or %s", option.name, option.plain, option.other))
			return
		}
	}
	st, err := s.Statement(q)
	if err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	var out bytes.Buffer
	kind, write := "text/csv; charset=utf-8", st.WriteCSV
	format := ask.Get("format")
	switch format {
	case "":
		format = "csv"
	case "csv":
	case "xlsx":
		kind, write = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", st.WriteXLSX
	default:
		adminError(w, http.StatusBadRequest, "format: csv or xlsx")
		return
	}
	if err := write(&out, how); err != nil {
		adminError(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="statement-%s.%s"`, st.ShortCode, format))
	_, _ = w.Write(out.Bytes())
}

// portalTime reads a bound of a statement; nothing is the zero time.
func portalTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if at, err := time.ParseInLocation("2006-01-02 15:04:05", text, eat); err == nil {
		return at, nil
	}
	return time.ParseInLocation("2006-01-02", text, eat)
}
