// Included once per instruction set, inside its own namespace; BRAGGLIVE_VECTOR_BYTES names the register
// width. Uses no library templates: their code would be shared with, and break, processors without that
// instruction set.
template <class Real>
struct Lane {
  typedef Real Vector __attribute__((vector_size(BRAGGLIVE_VECTOR_BYTES)));
  typedef Real Unaligned
      __attribute__((vector_size(BRAGGLIVE_VECTOR_BYTES), aligned(sizeof(Real)), may_alias));
  static constexpr std::size_t k_width = BRAGGLIVE_VECTOR_BYTES / sizeof(Real);
};

template <class Real>
inline __attribute__((always_inline)) typename Lane<Real>::Vector load(const Real* p) {
  return *reinterpret_cast<const typename Lane<Real>::Unaligned*>(p);
}
template <class Real>
inline __attribute__((always_inline)) void store(Real* p, typename Lane<Real>::Vector v) {
  *reinterpret_cast<typename Lane<Real>::Unaligned*>(p) = v;
}
template <class Real>
inline __attribute__((always_inline)) Real sum(typename Lane<Real>::Vector v) {
  Real total = 0;
  for (std::size_t i = 0; i < Lane<Real>::k_width; ++i) total += v[i];
  return total;
}

// One division instead of five: 1/(abcde) times the products of the others.
template <class Real>
void lobato_row(const double* c, double scale, const double* __restrict g2, int count, Real* __restrict out) {
  for (int i = 0; i < count; ++i) {
    const double u0 = 1 + c[1] * g2[i], u1 = 1 + c[3] * g2[i], u2 = 1 + c[5] * g2[i], u3 = 1 + c[7] * g2[i],
                 u4 = 1 + c[9] * g2[i];
    const double u01 = u0 * u1, u34 = u3 * u4, inverse = 1 / (u01 * u2 * u34);
    const double v01 = inverse * u2 * u34, v34 = inverse * u2 * u01;  // 1/(u0 u1), 1/(u3 u4)
    const double y0 = v01 * u1, y1 = v01 * u0, y2 = inverse * u01 * u34, y3 = v34 * u4, y4 = v34 * u3;
    // a (2 + x)/(1 + x)² = a (y + y²) with y = 1/(1 + x)
    out[i] =
        static_cast<Real>(scale * (c[0] * (y0 + y0 * y0) + c[2] * (y1 + y1 * y1) + c[4] * (y2 + y2 * y2) +
                                   c[6] * (y3 + y3 * y3) + c[8] * (y4 + y4 * y4)));
  }
}

// exp(x) for -700 < x <= 0 to 1e-13: 2^k by its exponent bits, the rest by series.
template <class Real>
void damp(double factor, const double* __restrict g2, int count, Real* __restrict out) {
  constexpr double magic =
      6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number in the low bits
  constexpr double ln2 = 0.6931471805599453;
  for (int i = 0; i < count; ++i) {
    double x = factor * g2[i];
    x = x < -700 ? -700 : x;
    const double shifted = x / ln2 + magic, k = shifted - magic, r = x - k * ln2;
    double p = 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    const std::int64_t power = (__builtin_bit_cast(std::int64_t, shifted) + 1023) << 52;
    out[i] = static_cast<Real>(double(out[i]) * (p * __builtin_bit_cast(double, power)));
  }
}

template <class Real>
void accumulate_phases(Real pr, Real pi, const Real* __restrict zr, const Real* __restrict zi, int count,
                       Real* __restrict re, Real* __restrict im) {
  for (int i = 0; i < count; ++i) {
    re[i] += pr * zr[i] - pi * zi[i];
    im[i] += pr * zi[i] + pi * zr[i];
  }
}

template <class Real>
void gather(const Real* table, const std::int32_t* __restrict offset, std::int32_t offset_row, Real scale,
            std::size_t count, Real* __restrict out) {
  for (std::size_t j = 0; j < count; ++j) out[j] = scale * table[offset[j] - offset_row];
}

// Every element below the diagonal block is read once and used twice: for its row and for its mirror image.
// This halves the memory traffic, which is what limits a matrix that does not fit the first-level cache.
template <class Real>
void symmetric(std::size_t n, const Real* a, const Real* __restrict x, Real* __restrict y) {
  constexpr std::size_t w = Lane<Real>::k_width;
  constexpr std::size_t k_rows = BRAGGLIVE_VECTOR_BYTES == 64 ? 8 : 4;
  for (std::size_t i = 0; i < n; ++i) y[i] = 0;
  for (std::size_t top = 0; top < n; top += 16) {
    const std::size_t length = top + 16;
    for (std::size_t row = top; row < length; row += k_rows) {
      typename Lane<Real>::Vector total[k_rows] = {};
      for (std::size_t c = 0; c < top; c += w) {
        const typename Lane<Real>::Vector xc = load(x + c);
        typename Lane<Real>::Vector yc = load(y + c);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < k_rows; ++r) {
          const typename Lane<Real>::Vector v = load(a + r * length + c);
          total[r] += v * xc;
          yc += v * x[row + r];
        }
        store(y + c, yc);
      }
      for (std::size_t c = top; c < length; c += w) {
        const typename Lane<Real>::Vector xc = load(x + c);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < k_rows; ++r) total[r] += load(a + r * length + c) * xc;
      }
#pragma GCC unroll 8
      for (std::size_t r = 0; r < k_rows; ++r) y[row + r] += sum<Real>(total[r]);
      a += k_rows * length;
    }
  }
}

template <class Real>
void hermitian(std::size_t n, const Real* ar, const Real* ai, const Real* __restrict xr,
               const Real* __restrict xi, Real* __restrict yr, Real* __restrict yi) {
  constexpr std::size_t w = Lane<Real>::k_width;
  constexpr std::size_t k_rows = BRAGGLIVE_VECTOR_BYTES == 64 ? 4 : 2;
  for (std::size_t i = 0; i < n; ++i) yr[i] = yi[i] = 0;
  for (std::size_t top = 0; top < n; top += 16) {
    const std::size_t length = top + 16;
    for (std::size_t row = top; row < length; row += k_rows) {
      typename Lane<Real>::Vector total_r[k_rows] = {}, total_i[k_rows] = {};
      for (std::size_t c = 0; c < top; c += w) {
        const typename Lane<Real>::Vector cr = load(xr + c), ci = load(xi + c);
        typename Lane<Real>::Vector dr = load(yr + c), di = load(yi + c);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < k_rows; ++r) {
          const typename Lane<Real>::Vector vr = load(ar + r * length + c), vi = load(ai + r * length + c);
          total_r[r] += vr * cr;
          total_r[r] -= vi * ci;
          total_i[r] += vr * ci;
          total_i[r] += vi * cr;
          dr += vr * xr[row + r];
          dr += vi * xi[row + r];
          di += vr * xi[row + r];
          di -= vi * xr[row + r];
        }
        store(yr + c, dr);
        store(yi + c, di);
      }
      for (std::size_t c = top; c < length; c += w) {
        const typename Lane<Real>::Vector cr = load(xr + c), ci = load(xi + c);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < k_rows; ++r) {
          const typename Lane<Real>::Vector vr = load(ar + r * length + c), vi = load(ai + r * length + c);
          total_r[r] += vr * cr - vi * ci;
          total_i[r] += vr * ci + vi * cr;
        }
      }
#pragma GCC unroll 8
      for (std::size_t r = 0; r < k_rows; ++r) {
        yr[row + r] += sum<Real>(total_r[r]);
        yi[row + r] += sum<Real>(total_i[r]);
      }
      ar += k_rows * length;
      ai += k_rows * length;
    }
  }
}

template <class Real>
void general(std::size_t n, const Real* ar, const Real* ai, const Real* __restrict xr,
             const Real* __restrict xi, Real* __restrict yr, Real* __restrict yi) {
  constexpr std::size_t w = Lane<Real>::k_width;
  constexpr std::size_t k_rows = 4;
  for (std::size_t row = 0; row < n; row += k_rows) {
    typename Lane<Real>::Vector total_r[k_rows] = {}, total_i[k_rows] = {};
    for (std::size_t c = 0; c < n; c += w) {
      const typename Lane<Real>::Vector cr = load(xr + c), ci = load(xi + c);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < k_rows; ++r) {
        const typename Lane<Real>::Vector vr = load(ar + (row + r) * n + c),
                                          vi = load(ai + (row + r) * n + c);
        total_r[r] += vr * cr;
        total_r[r] -= vi * ci;
        total_i[r] += vr * ci;
        total_i[r] += vi * cr;
      }
    }
    for (std::size_t r = 0; r < k_rows; ++r) {
      yr[row + r] = sum<Real>(total_r[r]);
      yi[row + r] = sum<Real>(total_i[r]);
    }
  }
}

template <class Real>
void recur(std::size_t n, Real factor, Real centre, const Real* __restrict low, const Real* __restrict y,
           const Real* __restrict x, Real* __restrict previous) {
  for (std::size_t i = 0; i < n; ++i)
    previous[i] = factor * ((y[i] - centre * x[i]) + low[i] * x[i]) - previous[i];
}

template <class Real>
double shifted_dot(std::size_t n, const Real* __restrict low, const Real* __restrict x, Real* __restrict y) {
  typename Lane<Real>::Vector total = {};
  for (std::size_t i = 0; i < n; i += Lane<Real>::k_width) {
    const typename Lane<Real>::Vector xv = load(x + i), yv = load(y + i) + load(low + i) * xv;
    store(y + i, yv);
    total += xv * yv;
  }
  return sum<Real>(total);
}

template <class Real>
double orthogonalise(std::size_t n, Real a, Real b, const Real* __restrict x, const Real* previous,
                     Real* __restrict y) {
  typename Lane<Real>::Vector total = {};
  for (std::size_t i = 0; i < n; i += Lane<Real>::k_width) {
    const typename Lane<Real>::Vector yv = load(y + i) - a * load(x + i) - b * load(previous + i);
    store(y + i, yv);
    total += yv * yv;
  }
  return sum<Real>(total);
}

template <class Real>
void add(std::size_t n, Real weight, const Real* __restrict x, Real* __restrict out) {
  for (std::size_t i = 0; i < n; ++i) out[i] += weight * x[i];
}

template <class Real>
constexpr Kernels<Real> k_table = {lobato_row<Real>,    damp<Real>,      accumulate_phases<Real>,
                                   gather<Real>,        symmetric<Real>, hermitian<Real>,
                                   general<Real>,       recur<Real>,     shifted_dot<Real>,
                                   orthogonalise<Real>, add<Real>};
