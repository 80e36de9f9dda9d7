#include "microvisor/vm/serial.h"

#include <linux/serial_reg.h>
#include <stdio.h>

#include "microvisor/vm/log.h"

static const uint64_t LINE_NS = UINT64_C(1000000000) / MV_SERIAL_PER_SECOND;

void mv_serial_init(struct mv_serial *s)
{
	s->last_ns = s->now_ns(s->context);
	s->allowance_ns = MV_SERIAL_BURST * LINE_NS;
}

static bool may_log(struct mv_serial *s)
{
	uint64_t now = s->now_ns(s->context);

	s->allowance_ns += now - s->last_ns;
	s->last_ns = now;
	if (s->allowance_ns > MV_SERIAL_BURST * LINE_NS)
		s->allowance_ns = MV_SERIAL_BURST * LINE_NS;
	if (s->allowance_ns < LINE_NS)
		return false;
	s->allowance_ns -= LINE_NS;
	return true;
}

static void finish_line(struct mv_serial *s)
{
	char quoted[4 * MV_SERIAL_LINE_MAX + 1];

	if (s->used == 0)
		return;
	if (!may_log(s)) {
		s->dropped++;
	} else {
		if (s->dropped) {
			snprintf(quoted, sizeof(quoted), "(%llu lines dropped)",
				 (unsigned long long)s->dropped);
			s->dropped = 0;
			s->line(s->context, quoted);
		}
		mv_log_quote(quoted, sizeof(quoted), s->text, s->used);
		s->line(s->context, quoted);
	}
	s->used = 0;
}

static void transmit(struct mv_serial *s, uint8_t byte)
{
	if (byte == '\n' || s->used == sizeof(s->text))
		finish_line(s);
	if (byte != '\n' && byte != '\r')
		s->text[s->used++] = (char)byte;
}

static bool has_divisor_latch(const struct mv_serial *s)
{
	return s->registers[UART_LCR] & UART_LCR_DLAB;
}

uint8_t mv_serial_in(const struct mv_serial *s, unsigned offset)
{
	switch (offset & 7) {
	case UART_RX:
		return has_divisor_latch(s) ? s->registers[UART_DLL] : 0;
	case UART_IIR:
		return s->registers[UART_IER] & UART_IER_THRI ? UART_IIR_THRI : UART_IIR_NO_INT;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	default:
		return s->registers[offset & 7];
	}
}

void mv_serial_out(struct mv_serial *s, unsigned offset, uint8_t value)
{
	offset &= 7;
	if (offset == UART_TX && !has_divisor_latch(s)) {
		transmit(s, value);
		if (s->registers[UART_IER] & UART_IER_THRI)
			s->raise(s->context);
		return;
	}
	if (offset == UART_IER && !has_divisor_latch(s) && (value & UART_IER_THRI))
		s->raise(s->context);
	/* The divisor latch hides RX/TX and IER behind the same offsets; its high byte is not kept. */
	if (offset != UART_IER || !has_divisor_latch(s))
		s->registers[offset] = value;
}
