// Vectors and rotation matrices in single precision, for the inner loops of the phase search.
#pragma once
#include <array>
#include <cmath>
#include <cstddef>

namespace bragglive::phases {

using RowMajor = std::array<float, 9>;

struct Vec {
  float x, y, z;
};
inline float dot(Vec a, Vec b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec cross(Vec a, Vec b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline Vec times(Vec a, float f) {
  return {a.x * f, a.y * f, a.z * f};
}
inline Vec unit(Vec a) {
  return times(a, 1 / std::sqrt(dot(a, a)));
}

// Columns of a frame with x along a and z along a × b.
inline std::array<Vec, 3> frame_of(Vec a, Vec b) {
  const Vec first = unit(a), third = unit(cross(a, b));
  return {first, cross(third, first), third};
}

inline Vec rotate(const RowMajor& r, Vec v) {
  return {r[0] * v.x + r[1] * v.y + r[2] * v.z, r[3] * v.x + r[4] * v.y + r[5] * v.z,
          r[6] * v.x + r[7] * v.y + r[8] * v.z};
}
inline Vec rotate_back(const RowMajor& r, Vec v) {
  return {r[0] * v.x + r[3] * v.y + r[6] * v.z, r[1] * v.x + r[4] * v.y + r[7] * v.z,
          r[2] * v.x + r[5] * v.y + r[8] * v.z};
}

// r, then turned by the angle |turn| about it; |turn| > 0.
inline RowMajor turned(const RowMajor& r, Vec turn) {
  const float angle = std::sqrt(dot(turn, turn)), c = std::cos(angle), s = std::sin(angle);
  const Vec axis = times(turn, 1 / angle);
  RowMajor next{};
  for (std::size_t col = 0; col < 3; ++col) {
    const Vec v{r[col], r[3 + col], r[6 + col]};
    const Vec w = cross(axis, v);
    const float along = dot(axis, v) * (1 - c);
    next[col] = v.x * c + w.x * s + axis.x * along;
    next[3 + col] = v.y * c + w.y * s + axis.y * along;
    next[6 + col] = v.z * c + w.z * s + axis.z * along;
  }
  return next;
}

}  // namespace bragglive::phases
