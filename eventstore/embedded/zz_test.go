package embedded
import ("testing";"context";"time";"os")
func BenchmarkStoreOnly(b *testing.B){
 w:=64
 s,_:=Open(b.TempDir(),Options{})
 defer s.Close()
 for b.Loop(){ n,took,err:=drive(context.Background(),w,4*time.Second,appendOne(context.Background(),s)); if err!=nil{b.Fatal(err)}
 b.ReportMetric(float64(n)/took.Seconds(),"appends/s")
 st:=s.Stats(); b.ReportMetric(float64(st.Appends)/float64(st.Syncs),"appends/sync"); b.ReportMetric(float64(st.Appends)/float64(st.Commits),"appends/commit")}
 _ = os.Args
}
