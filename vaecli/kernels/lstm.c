/* A one-layer float32 LSTM through time, forward and backward, for processors with AVX2 and FMA.
 *
 * Compiled at first use by `vaecli.kernels.compiled`, which also holds it against torch's LSTM before it serves. Layout:
 * time first, gates in torch's order i, f, g, o. A step multiplies tiles of 3 rows by 4 vectors of 8 columns: twelve
 * accumulators, which with one weight and three states fill the sixteen registers. The four vectors of the forward pass
 * are the four gates of eight units, so that the new cell is made from registers. Every row is computed by itself, in
 * the same order whatever tile it falls into: results depend neither on the threads nor on the other rows.
 */
#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef __m256 v8;

enum {
    LANES = 8,
    TILE = 3,
    ROWS = 48,   /* whose sums of 32 columns, with */
    DEPTH = 128, /* so many terms of weights and states, stay in the first cache */
    MOST_THREADS = 64
};

static inline v8 splat(float x) { return _mm256_set1_ps(x); }

/* exp(x) - 1 of n vectors, relative error about 1e-7, also near 0; |x| <= 87, NaN stays NaN.
 *
 * The vectors go through the polynomial side by side, since each step of it waits for the one before. */
static inline __attribute__((always_inline)) void expm1_of(v8 *x, const int n) {
    const v8 magic = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    v8 p[n], scale[n];
    for (int j = 0; j < n; j++) scale[j] = _mm256_fmadd_ps(x[j], splat(1.44269504088896341f), magic);
    for (int j = 0; j < n; j++) p[j] = _mm256_sub_ps(scale[j], magic);
    for (int j = 0; j < n; j++) x[j] = _mm256_fnmadd_ps(p[j], splat(0.693145751953125f), x[j]);
    for (int j = 0; j < n; j++) x[j] = _mm256_fnmadd_ps(p[j], splat(1.42860682030941723e-6f), x[j]);
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(x[j], splat(1.0f / 5040), splat(1.0f / 720));
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(p[j], x[j], splat(1.0f / 120));
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(p[j], x[j], splat(1.0f / 24));
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(p[j], x[j], splat(1.0f / 6));
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(p[j], x[j], splat(0.5f));
    for (int j = 0; j < n; j++) p[j] = _mm256_fmadd_ps(_mm256_mul_ps(x[j], x[j]), p[j], x[j]); /* exp(r) - 1 */
    for (int j = 0; j < n; j++) { /* 2^n, of n in the last bits */
        __m256i power = _mm256_sub_epi32(_mm256_castps_si256(scale[j]), _mm256_set1_epi32(0x4B400000 - 127));
        scale[j] = _mm256_castsi256_ps(_mm256_slli_epi32(power, 23));
    }
    for (int j = 0; j < n; j++) x[j] = _mm256_fmadd_ps(scale[j], p[j], _mm256_sub_ps(scale[j], splat(1.0f)));
}

/* The second operand of min and max is the result where one is NaN. */
static inline v8 clamped(v8 x, float limit) {
    return _mm256_max_ps(splat(-limit), _mm256_min_ps(splat(limit), x));
}

/* tanh(x) = e / (e + 2) and sigmoid(x) = 1 / (e' + 2), of e = exp(2x) - 1 and e' = exp(-x) - 1. */
static inline __attribute__((always_inline)) void activate(v8 *gates) {
    const v8 two = splat(2.0f), zero = _mm256_setzero_ps();
    for (int j = 0; j < 4; j++)
        gates[j] = clamped(j == 2 ? _mm256_add_ps(gates[j], gates[j]) : _mm256_sub_ps(zero, gates[j]), 60.0f);
    expm1_of(gates, 4);
    for (int j = 0; j < 4; j++)
        gates[j] = _mm256_div_ps(j == 2 ? gates[j] : splat(1.0f), _mm256_add_ps(gates[j], two));
}

static inline v8 hyperbolic_tangent(v8 x) {
    v8 e = clamped(_mm256_add_ps(x, x), 60.0f);
    expm1_of(&e, 1);
    return _mm256_div_ps(e, _mm256_add_ps(e, splat(2.0f)));
}

/* What the threads share. Pointers that may be null are marked. */
typedef struct {
    long steps, rows, hidden, words; /* words: rows of `gates`, of which the row r reads r % words */
    const float *packed;             /* the recurrent weight, as `pack_*` leaves it */
    const float *inputs;             /* (steps, words, 4 hidden) W x + b */
    const float *constant;           /* (rows, 4 hidden) added at each step, or null */
    float *gates;                    /* (steps, rows, 4 hidden) activated gates, or null: not kept */
    float *states;                   /* (steps + 1, rows, hidden), the first being given */
    float *cells;                    /* (steps + 1, rows, hidden); (rows, hidden), overwritten, where gates is null */
    const float *d_states;           /* (steps, rows, hidden) */
    float *d_gates;                  /* (steps, rows, 4 hidden) */
    float *d_hidden, *d_cell;        /* (rows, hidden): of the last cell on entry, of the initial state on return */
    long first, last;                /* this thread's rows */
} Task;

/* sum = sum + left * weights for some rows and up to 4 vectors of columns, over the terms of a slice. */
static inline __attribute__((always_inline)) void tile(
    const float *left, long left_stride, const float *weights, float *sum, long sum_stride, long terms, const int rows, const int vectors) {
    v8 acc[TILE][4];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) acc[r][v] = _mm256_loadu_ps(sum + r * sum_stride + v * LANES);
    for (long k = 0; k < terms; k++) {
        v8 x[TILE];
        for (int r = 0; r < rows; r++) x[r] = _mm256_broadcast_ss(left + r * left_stride + k);
        for (int v = 0; v < vectors; v++) {
            v8 w = _mm256_loadu_ps(weights + (k * vectors + v) * LANES);
            for (int r = 0; r < rows; r++) acc[r][v] = _mm256_fmadd_ps(x[r], w, acc[r][v]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) _mm256_storeu_ps(sum + r * sum_stride + v * LANES, acc[r][v]);
}

/* The same for any number of rows and terms: slices of the weights stay in the first cache while all rows pass. */
static inline __attribute__((always_inline)) void product(
    const float *left, long left_stride, const float *weights, float *sum, long sum_stride, long terms, long rows, const int vectors) {
    for (long from = 0; from < terms; from += DEPTH) {
        const long slice = terms - from < DEPTH ? terms - from : DEPTH;
        const float *w = weights + from * vectors * LANES;
        long r = 0;
        for (; r + TILE <= rows; r += TILE)
            tile(left + r * left_stride + from, left_stride, w, sum + r * sum_stride, sum_stride, slice, TILE, vectors);
        if (rows - r == 2) tile(left + r * left_stride + from, left_stride, w, sum + r * sum_stride, sum_stride, slice, 2, vectors);
        if (rows - r == 1) tile(left + r * left_stride + from, left_stride, w, sum + r * sum_stride, sum_stride, slice, 1, vectors);
    }
}

/* What the gates of eight units are before the recurrent product, for some rows: (rows, 4, 8). */
static void gate_inputs(const Task *t, long step, long row, long count, long unit, float *sums) {
    const long H = t->hidden;
    long word = row % t->words;
    for (long r = 0; r < count; r++, word = word + 1 == t->words ? 0 : word + 1) {
        const float *x = t->inputs + (step * t->words + word) * 4 * H + unit;
        const float *c = t->constant + (row + r) * 4 * H + unit;
        for (int gate = 0; gate < 4; gate++) {
            v8 sum = _mm256_loadu_ps(x + gate * H);
            if (t->constant) sum = _mm256_add_ps(sum, _mm256_loadu_ps(c + gate * H));
            _mm256_storeu_ps(sums + (r * 4 + gate) * LANES, sum);
        }
    }
}

/* Gates, cells and states of eight units, for some rows. */
static void new_states(const Task *t, long step, long row, long count, long unit, const float *sums) {
    const long H = t->hidden, layer = t->rows * H;
    float *state = t->states + (step + 1) * layer + row * H + unit;
    const float *old = t->cells + (t->gates ? step * layer : 0) + row * H + unit;
    float *cell = t->cells + (t->gates ? (step + 1) * layer : 0) + row * H + unit;
    float *kept = t->gates + (step * t->rows + row) * 4 * H + unit;
    for (long r = 0; r < count; r++) {
        v8 gates[4];
        for (int gate = 0; gate < 4; gate++) gates[gate] = _mm256_loadu_ps(sums + (r * 4 + gate) * LANES);
        activate(gates);
        v8 c = _mm256_fmadd_ps(gates[1], _mm256_loadu_ps(old + r * H), _mm256_mul_ps(gates[0], gates[2]));
        _mm256_storeu_ps(cell + r * H, c);
        _mm256_storeu_ps(state + r * H, _mm256_mul_ps(gates[3], hyperbolic_tangent(c)));
        if (t->gates)
            for (int gate = 0; gate < 4; gate++) _mm256_storeu_ps(kept + r * 4 * H + gate * H, gates[gate]);
    }
}

static void *forward_rows(void *argument) {
    const Task *t = argument;
    const long H = t->hidden;
    float sums[ROWS * 4 * LANES] __attribute__((aligned(64)));
    for (long step = 0; step < t->steps; step++)
        for (long row = t->first; row < t->last; row += ROWS) {
            const long count = t->last - row < ROWS ? t->last - row : ROWS;
            const float *before = t->states + (step * t->rows + row) * H;
            for (long unit = 0; unit < H; unit += LANES) {
                gate_inputs(t, step, row, count, unit, sums);
                product(before, H, t->packed + unit * 4 * H, sums, 4 * LANES, H, count, 4);
                new_states(t, step, row, count, unit, sums);
            }
        }
    return NULL;
}

static void gate_gradients(const Task *t, long step, long row) {
    const long H = t->hidden, layer = t->rows * H, at = row * H;
    const v8 one = splat(1.0f);
    const float *gates = t->gates + (step * t->rows + row) * 4 * H;
    float *d_gates = t->d_gates + (step * t->rows + row) * 4 * H;
    for (long u = 0; u < H; u += LANES) {
        v8 i = _mm256_loadu_ps(gates + u), f = _mm256_loadu_ps(gates + H + u);
        v8 g = _mm256_loadu_ps(gates + 2 * H + u), o = _mm256_loadu_ps(gates + 3 * H + u);
        v8 squashed = hyperbolic_tangent(_mm256_loadu_ps(t->cells + (step + 1) * layer + at + u));
        v8 old = _mm256_loadu_ps(t->cells + step * layer + at + u);
        v8 dh = _mm256_add_ps(_mm256_loadu_ps(t->d_states + step * layer + at + u), _mm256_loadu_ps(t->d_hidden + at + u));
        v8 dc = _mm256_loadu_ps(t->d_cell + at + u);
        dc = _mm256_fmadd_ps(_mm256_mul_ps(dh, o), _mm256_fnmadd_ps(squashed, squashed, one), dc);
        v8 di = _mm256_mul_ps(_mm256_mul_ps(dc, g), _mm256_fnmadd_ps(i, i, i));
        v8 df = _mm256_mul_ps(_mm256_mul_ps(dc, old), _mm256_fnmadd_ps(f, f, f));
        v8 dg = _mm256_mul_ps(_mm256_mul_ps(dc, i), _mm256_fnmadd_ps(g, g, one));
        v8 d_o = _mm256_mul_ps(_mm256_mul_ps(dh, squashed), _mm256_fnmadd_ps(o, o, o));
        _mm256_storeu_ps(d_gates + u, di);
        _mm256_storeu_ps(d_gates + H + u, df);
        _mm256_storeu_ps(d_gates + 2 * H + u, dg);
        _mm256_storeu_ps(d_gates + 3 * H + u, d_o);
        _mm256_storeu_ps(t->d_cell + at + u, _mm256_mul_ps(dc, f));
    }
}

static void *backward_rows(void *argument) {
    const Task *t = argument;
    const long H = t->hidden;
    for (long step = t->steps - 1; step >= 0; step--)
        for (long row = t->first; row < t->last; row += ROWS) {
            const long count = t->last - row < ROWS ? t->last - row : ROWS;
            for (long r = row; r < row + count; r++) gate_gradients(t, step, r);
            const float *d_gates = t->d_gates + (step * t->rows + row) * 4 * H;
            float *d_hidden = t->d_hidden + row * H;
            memset(d_hidden, 0, count * H * sizeof(float));
            for (long unit = 0; unit < H; unit += 4 * LANES) {
                const float *weights = t->packed + unit * 4 * H;
                if (H - unit >= 4 * LANES) product(d_gates, 4 * H, weights, d_hidden + unit, H, 4 * H, count, 4);
                else if (H - unit == 3 * LANES) product(d_gates, 4 * H, weights, d_hidden + unit, H, 4 * H, count, 3);
                else if (H - unit == 2 * LANES) product(d_gates, 4 * H, weights, d_hidden + unit, H, 4 * H, count, 2);
                else product(d_gates, 4 * H, weights, d_hidden + unit, H, 4 * H, count, 1);
            }
        }
    return NULL;
}

/* (4H, H) to blocks of eight units: for each k the four gates' eight weights. */
static void pack_forward(const float *weight, float *packed, long H) {
    for (long unit = 0; unit < H; unit += LANES)
        for (long k = 0; k < H; k += LANES) /* eight columns at a time, which share their cache lines */
            for (long gate = 0; gate < 4; gate++)
                for (long lane = 0; lane < LANES; lane++) {
                    const float *from = weight + (gate * H + unit + lane) * H + k;
                    float *to = packed + unit * 4 * H + k * 4 * LANES + gate * LANES + lane;
                    for (long n = 0; n < LANES; n++) to[n * 4 * LANES] = from[n];
                }
}

/* (4H, H) to blocks of up to 32 columns. */
static void pack_backward(const float *weight, float *packed, long H) {
    for (long unit = 0; unit < H; unit += 4 * LANES) {
        const long width = H - unit < 4 * LANES ? H - unit : 4 * LANES;
        for (long k = 0; k < 4 * H; k++)
            memcpy(packed + unit * 4 * H + k * width, weight + k * H + unit, width * sizeof(float));
    }
}

/* Rows are split between threads; where one can't be started, its rows are computed here. */
static void run(Task task, long threads, void *(*rows_of)(void *)) {
    Task tasks[MOST_THREADS];
    pthread_t handles[MOST_THREADS];
    int started[MOST_THREADS];
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    const long tiles = (task.rows + TILE - 1) / TILE;
    if (threads > tiles) threads = tiles;
    for (long n = 0; n < threads; n++) {
        tasks[n] = task;
        tasks[n].first = tiles * n / threads * TILE;
        tasks[n].last = n + 1 == threads ? task.rows : tiles * (n + 1) / threads * TILE;
        started[n] = n > 0 && pthread_create(&handles[n], NULL, rows_of, &tasks[n]) == 0;
    }
    for (long n = 0; n < threads; n++)
        if (!started[n]) rows_of(&tasks[n]);
    for (long n = 0; n < threads; n++)
        if (started[n]) pthread_join(handles[n], NULL);
}

/* 0, or 1 without memory. Weight: (4H, H). See Task for the rest. */
int lstm_forward(long steps, long rows, long hidden, long words, long threads, const float *weight, const float *inputs,
                 const float *constant, float *gates, float *states, float *cells) {
    float *packed = aligned_alloc(64, 4 * hidden * hidden * sizeof(float));
    if (!packed) return 1;
    pack_forward(weight, packed, hidden);
    Task task = {.steps = steps, .rows = rows, .hidden = hidden, .words = words, .packed = packed, .inputs = inputs,
                 .constant = constant, .gates = gates, .states = states, .cells = cells};
    run(task, threads, forward_rows);
    free(packed);
    return 0;
}

int lstm_backward(long steps, long rows, long hidden, long threads, const float *weight, float *gates, float *cells,
                  const float *d_states, float *d_gates, float *d_hidden, float *d_cell) {
    float *packed = aligned_alloc(64, 4 * hidden * hidden * sizeof(float));
    if (!packed) return 1;
    pack_backward(weight, packed, hidden);
    Task task = {.steps = steps, .rows = rows, .hidden = hidden, .words = rows, .packed = packed, .gates = gates, .cells = cells,
                 .d_states = d_states, .d_gates = d_gates, .d_hidden = d_hidden, .d_cell = d_cell};
    run(task, threads, backward_rows);
    free(packed);
    return 0;
}
