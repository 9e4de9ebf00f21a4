package simulator

import (
	"encoding/json"
	"net/http"
)

// answerNothing answers a submit that starts nothing. rejection is the API's spelling of a refused token, notZero its
// answer with another ResponseCode than 0.
func (s *Simulator) answerNothing(w http.ResponseWriter, how reply, rejection refusal, token string, notZero any) {
	switch how.kind {
	case replyTokenOnce:
		s.refuseToken(w, rejection, token)
	case replyNoProduct:
		writeNoProduct(w)
	case replyNotZero:
		writeJSON(w, http.StatusOK, notZero)
	case replyDrop:
		dropConnection(w)
	case replyHTML:
		writeHTML500(w)
	case replyEmpty:
		w.WriteHeader(http.StatusInternalServerError)
	case replyRefuse, replyAccept, replyCut, replySlow:
		s.refuseToken(w, how.refusal, token)
	}
}

// answerAs gives the answer to a submit that was taken, or loses it.
func (s *Simulator) answerAs(w http.ResponseWriter, r *http.Request, how replyKind, answer any) {
	switch how {
	case replyDrop:
		dropConnection(w)
	case replyHTML:
		writeHTML500(w)
	case replyEmpty:
		w.WriteHeader(http.StatusInternalServerError)
	case replyCut:
		whole, err := json.Marshal(answer)
		if err != nil {
			panic("simulator: an answer of plain strings does not marshal: " + err.Error())
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(whole[:len(whole)/2])
	case replySlow:
		if s.wait(r.Context(), slowness) {
			writeJSON(w, http.StatusOK, answer)
		}
	case replyAccept, replyRefuse, replyTokenOnce, replyNoProduct, replyNotZero:
		writeJSON(w, http.StatusOK, answer)
	}
}
