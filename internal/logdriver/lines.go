package logdriver

import "bytes"

// maxLine is the size of a CloudWatch Logs event at the time that the awslogs
// driver was written; longer lines become several events, as they do there.
const maxLine = 256 << 10

// lines cuts one stream into lines.
type lines struct {
	partial []byte
	emit    func(line []byte) // its argument is only valid until it returns
}

// write takes the next bytes of the stream.
func (l *lines) write(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.keep(p)
			return
		}
		line := p[:end]
		p = p[end+1:]
		if len(l.partial) > 0 {
			l.keep(line)
			line = l.partial
		}
		l.split(bytes.TrimSuffix(line, []byte("\r")))
		l.drop()
	}
}

// keep adds to the unfinished line and emits what is already too long.
func (l *lines) keep(p []byte) {
	for len(l.partial)+len(p) > maxLine {
		n := maxLine - len(l.partial)
		l.partial = append(l.partial, p[:n]...)
		l.emit(l.partial)
		l.partial, p = l.partial[:0], p[n:]
	}
	l.partial = append(l.partial, p...)
}

func (l *lines) split(line []byte) {
	for len(line) > maxLine {
		l.emit(line[:maxLine])
		line = line[maxLine:]
	}
	l.emit(line)
}

// drop forgets the unfinished line, and gives its memory back after a long one.
func (l *lines) drop() {
	if cap(l.partial) > 16<<10 {
		l.partial = nil
	}
	l.partial = l.partial[:0]
}

// flush emits what the stream ended with, where that is no whole line.
func (l *lines) flush() {
	if len(l.partial) > 0 {
		l.emit(l.partial)
		l.drop()
	}
}
