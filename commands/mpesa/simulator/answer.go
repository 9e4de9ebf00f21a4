package simulator

import (
	"encoding/json"
	"net/http"
)

// refusal is an error as Daraja words it.
type refusal struct {
	status  int
	code    string
	message string
}

// The refusals that are common to the APIs (Daraja, error codes; spellings per API as in the portal's pages).
var (
	errResource    = refusal{http.StatusNotFound, "404.001.01", "Resource not found"}
	errResourceC2  = refusal{http.StatusNotFound, "404.003.01", "Resource not found"}
	errNoBearer    = refusal{http.StatusNotFound, "404.001.04", "Invalid Authentication Header"}
	errTokenSTK    = refusal{http.StatusNotFound, "404.001.03", "Invalid Access Token"}
	errTokenC2B    = refusal{http.StatusBadRequest, "400.003.01", "Invalid Access Token"}
	errTokenEcho   = refusal{http.StatusUnauthorized, "401.002.01", "Error Occurred - Invalid Access Token - "} // and the token
	errTokenPull   = refusal{http.StatusUnauthorized, "401.001", "Invalid Access Token"}
	errVerb        = refusal{http.StatusMethodNotAllowed, "405.001", "Method Not Allowed"}
	errPayload     = refusal{http.StatusBadRequest, "400.002.05", "Invalid Request Payload"}
	errMerchant    = refusal{http.StatusInternalServerError, "500.001.1001", "Merchant does not exist"}
	errPassword    = refusal{http.StatusInternalServerError, "500.001.1001", "Wrong credentials"}
	errLocked      = refusal{http.StatusInternalServerError, "500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber"}
	errUnknownTx   = refusal{http.StatusInternalServerError, "500.001.1001", "The transaction does not Exist"}
	errProcessing  = refusal{http.StatusInternalServerError, "500.001.1001", "The transaction is being processed"}
	errFlapping    = refusal{http.StatusInternalServerError, "500.001.1001", ""}
	errDuplicate   = refusal{http.StatusInternalServerError, "500.002.1001", "Duplicate OriginatorConversationID."}
	errPullCode    = refusal{http.StatusBadRequest, "400.001", "Invalid ShortCode"}
	errMaintain    = refusal{http.StatusInternalServerError, "500.002.1001", "Service is currently under maintenance. Please try again later"}
	errBusy        = refusal{http.StatusInternalServerError, "500.003.02", "System is busy. Please try again in few minutes."}
	errSpikeArrest = refusal{http.StatusInternalServerError, "500.003.02", "Error Occurred: Spike Arrest Violation"}
	errQuota       = refusal{http.StatusInternalServerError, "500.003.03", "Error Occurred: Quota Violation"}
	errInternal    = refusal{http.StatusInternalServerError, "500.003.1001", "Internal Server Error"}
	errRegistered  = refusal{http.StatusInternalServerError, "500.003.1001", "Urls are already registered."}
	errAuthType    = refusal{http.StatusBadRequest, "400.008.01", "Invalid Authentication passed"}
	errGrantType   = refusal{http.StatusBadRequest, "400.008.02", "Invalid grant type passed"}
)

// badField is the refusal of M-Pesa Express; it names the first field that is wrong.
func badField(name string) refusal {
	return refusal{http.StatusBadRequest, "400.002.02", "Bad Request - Invalid " + name}
}

// badFieldC2B is C2B's.
func badFieldC2B(name string) refusal {
	return refusal{http.StatusBadRequest, "400.003.02", "Bad Request - Invalid " + name}
}

type errorBody struct {
	RequestID    string `json:"requestId"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
}

// refuse answers with Daraja's common error body.
func (s *Simulator) refuse(w http.ResponseWriter, e refusal) {
	s.log.Info("daraja refuses", "status", e.status, "code", e.code, "message", e.message)
	writeJSON(w, e.status, errorBody{RequestID: s.requestID(), ErrorCode: e.code, ErrorMessage: e.message})
}

// refuseToken refuses a token in an API's own spelling; one of them repeats the token (Daraja, Account Balance), which
// does not go to the log.
func (s *Simulator) refuseToken(w http.ResponseWriter, e refusal, token string) {
	if e != errTokenEcho {
		s.refuse(w, e)
		return
	}
	s.log.Info("daraja refuses", "status", e.status, "code", e.code, "message", e.message)
	writeJSON(w, e.status, errorBody{RequestID: s.requestID(), ErrorCode: e.code, ErrorMessage: e.message + token})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own loss
}

// writeHTML500 is what the load balancer in front of Daraja says when nobody behind it answers.
func writeHTML500(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n<body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n</body>\r\n</html>\r\n"))
}

// writeNoProduct is the API gateway's own refusal, in the gateway's shape: no errorCode at all (seen when the app has
// no such product).
func writeNoProduct(w http.ResponseWriter) {
	writeJSON(w, http.StatusUnauthorized, map[string]any{"fault": map[string]any{
		"faultstring": "Invalid API call as no apiproduct match found",
		"detail":      map[string]string{"errorcode": "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound"},
	}})
}
