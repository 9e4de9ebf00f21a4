package mpesa

import "fmt"

// What Daraja is answered, with HTTP 200. Whether it reads the acknowledgement of an STK callback is not documented.
const (
	// AckBody acknowledges an STK callback, an asynchronous result or a timeout notice, known or not.
	AckBody = `{"ResultCode":0,"ResultDesc":"Accepted"}`
	// ConfirmationAck acknowledges a C2B confirmation. The money has moved; no answer can refuse it.
	ConfirmationAck = `{"ResultCode":0,"ResultDesc":"Success"}`
	// ValidationAccept lets a C2B payment go on.
	ValidationAccept = `{"ResultCode":"0","ResultDesc":"Accepted"}`
)

// ValidationCode is why a C2B payment is turned away (Daraja, C2B: validation response).
type ValidationCode string

// The validation codes.
const (
	InvalidMSISDN        ValidationCode = "C2B00011"
	InvalidAccountNumber ValidationCode = "C2B00012"
	InvalidAmount        ValidationCode = "C2B00013"
	InvalidKYC           ValidationCode = "C2B00014"
	InvalidShortCode     ValidationCode = "C2B00015"
	OtherError           ValidationCode = "C2B00016"
)

// ValidationReject turns a C2B payment away; a code that Daraja does not know becomes OtherError.
func ValidationReject(code ValidationCode) string {
	switch code {
	case InvalidMSISDN, InvalidAccountNumber, InvalidAmount, InvalidKYC, InvalidShortCode, OtherError:
	default:
		code = OtherError
	}
	return fmt.Sprintf(`{"ResultCode":%q,"ResultDesc":"Rejected"}`, string(code))
}
