package healthcheck

import (
	"bufio"
	"io"
	"net"
	"time"
)

func reader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// play writes texts to a connection, with pauses between them.
func play(c net.Conn, script []any) {
	for _, step := range script {
		switch step := step.(type) {
		case time.Duration:
			time.Sleep(step) // virtual time
		case string:
			if _, err := io.WriteString(c, step); err != nil {
				return // the checker has seen enough
			}
		}
	}
}
