// SPDX-License-Identifier: PostgreSQL
//
// See vector_text.hpp. Two sources of speed: digits are converted eight at a time inside a 64-bit
// register (the multiplications of D. Lemire, "Number Parsing at a Gigabyte per Second", Software:
// Practice and Experience 51(8), 2021, doi:10.1002/spe.2984, section 6; here also for runs shorter
// than eight), and decimal to binary needs one double operation per number (nearest_float). Unlike
// that paper we need no 128-bit product: the result is a float32, and a double has 29 bits to
// spare.
#include "kernel/vector_text.hpp"

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace vx::kernel
{

namespace
{

constexpr int kMaxPower = 64;

/// Each the double nearest to the power of ten; exact up to 1e22.
constexpr double kPowersOfTen[kMaxPower + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12,
    1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25,
    1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38,
    1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50, 1e51,
    1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64};

constexpr std::uint64_t kIntegerPowersOfTen[] = {1,      10,      100,      1000,     10000,
                                                 100000, 1000000, 10000000, 100000000};

/// kRoomForDigits[n]: a mantissa below this still fits 18 digits after n more. 18, so that it also
/// fits a signed integer, which every processor converts to double in one instruction.
constexpr std::uint64_t kRoomForDigits[] = {
    1000000000000000000, 100000000000000000, 10000000000000000, 1000000000000000, 100000000000000,
    10000000000000,      1000000000000,      100000000000,      10000000000};

/// The eight bytes at p, the first in the lowest byte.
inline std::uint64_t
load_eight(const char *p) noexcept
{
    std::uint64_t word;
    std::memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/// The eight bytes at p, or fewer with '\0' for what lies beyond `end`.
inline std::uint64_t
load_up_to_eight(const char *p, const char *end) noexcept
{
    if (end - p >= 8)
        return load_eight(p);
    char bytes[8] = {0};
    std::memcpy(bytes, p, static_cast<std::size_t>(end - p));
    return load_eight(bytes);
}

/// How many of the bytes are digits before the first that is not. `digits` holds each byte
/// exclusive-or '0', so that digits are 0 to 9: adding 0x76 sets the top bit of any byte above 9.
/// A carry leaves only bytes that are not digits, so it never reaches the first of these.
inline unsigned
leading_digits(std::uint64_t digits) noexcept
{
    const std::uint64_t others =
        ((digits + 0x7676767676767676u) | digits) & std::uint64_t{0x8080808080808080u};
    return others == 0 ? 8 : static_cast<unsigned>(__builtin_ctzll(others)) / 8;
}

/// The number written by eight digit values, first digit in the lowest byte.
inline std::uint64_t
combine_eight(std::uint64_t digits) noexcept
{
    digits = digits * 10 + (digits >> 8); // pairs, in bytes 0, 2, 4, 6
    const std::uint64_t mask = 0x000000FF000000FF;
    return (((digits & mask) * 0x000F424000000064) +
            (((digits >> 16) & mask) * 0x0000271000000001)) >>
           32;
}

/// A run of digits, added behind those that `mantissa` holds.
struct DigitRun {
    const char *next; ///< first byte that is no digit
    bool fits;        ///< false: more than 18 significant digits
};

inline DigitRun
append_digits(const char *p, const char *end, std::uint64_t &mantissa) noexcept
{
    for (;;) {
        const std::uint64_t digits = load_up_to_eight(p, end) ^ 0x3030303030303030u;
        const unsigned n = leading_digits(digits);
        if (n == 0)
            return {p, true};
        if (mantissa >= kRoomForDigits[n])
            return {p, false};
        // Shifting the other bytes out lets zeros in at the front, where they count nothing.
        mantissa = mantissa * kIntegerPowersOfTen[n] + combine_eight(digits << (8 * (8 - n)));
        p += n;
        if (n < 8)
            return {p, true};
    }
}

inline bool
is_space(char c) noexcept
{
    return c == ' ' || (c >= '\t' && c <= '\r'); // \t \n \v \f \r are adjacent
}

inline bool
is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// mantissa * 10^power as the nearest float, if that can be proved; false otherwise.
///
/// Converting the mantissa, the power of ten and the product (or quotient) each round once, by at
/// most 2^-53 of the value: together less than 3.1 units in the last place of `d`. A float keeps 24
/// of the double's 53 bits, so the exact value and `d` round to the same float unless a midpoint
/// between two floats lies between them, that is unless the 29 lower bits of `d` are within 4 of
/// 2^28. Exact ties are such a case too. Subnormal floats keep fewer bits, so they are refused.
inline bool
nearest_float(std::uint64_t mantissa, long power, float &value) noexcept
{
    if (mantissa == 0) {
        value = 0.0f;
        return true;
    }
    if (power < -kMaxPower || power > kMaxPower)
        return false;

    const double m = static_cast<double>(static_cast<std::int64_t>(mantissa));
    const double d = power < 0 ? m / kPowersOfTen[-power] : m * kPowersOfTen[power];
    constexpr double kSmallest = 1.18e-38; // a little above FLT_MIN
    constexpr double kLargest = 3.4e38;    // a little below FLT_MAX
    if (!(d >= kSmallest && d <= kLargest))
        return false;

    std::uint64_t bits;
    std::memcpy(&bits, &d, sizeof(bits));
    constexpr std::uint64_t kMidpoint = std::uint64_t{1} << 28;
    constexpr std::uint64_t kMargin = 8;
    const std::uint64_t low = bits & ((std::uint64_t{1} << 29) - 1);
    if (low - (kMidpoint - kMargin) <= 2 * kMargin)
        return false;

    value = static_cast<float>(d);
    return true;
}

/// The decimal exponent at p, which stands behind 'e'. Returns nullptr if there is none or if it
/// is absurdly long.
inline const char *
read_exponent(const char *p, long &power) noexcept
{
    const bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    long exponent = 0;
    const char *const first = p;
    for (; is_digit(*p); p++) {
        if (p - first == 6)
            return nullptr;
        exponent = exponent * 10 + (*p - '0');
    }
    if (p == first)
        return nullptr;
    power += negative ? -exponent : exponent;
    return p;
}

} // namespace

inline void
VectorTextReader::skip_space() noexcept
{
    while (is_space(*cursor_))
        cursor_++;
}

/// Reads the number at the cursor. Falls back to strtof() for all that is not plain decimal, or
/// not provably rounded right.
inline TextStatus
VectorTextReader::read_number(float &value) noexcept
{
    const char *p = cursor_;
    const bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;

    std::uint64_t mantissa = 0;
    long power = 0;
    const char *const integer = p;
    // The integer part of an embedding's numbers is nearly always one digit.
    if (is_digit(p[0]) && !is_digit(p[1])) {
        mantissa = static_cast<std::uint64_t>(p[0] - '0');
        p++;
    } else {
        const DigitRun run = append_digits(p, end_, mantissa);
        if (!run.fits)
            return read_unusual_number(value);
        p = run.next;
    }
    auto digits = p - integer;
    if (*p == '.') {
        const char *const fraction = ++p;
        const DigitRun run = append_digits(p, end_, mantissa);
        if (!run.fits)
            return read_unusual_number(value);
        p = run.next;
        power = -static_cast<long>(p - fraction);
        digits += p - fraction;
    }
    if (digits == 0)
        return read_unusual_number(value);
    if (*p == 'e' || *p == 'E') {
        p = read_exponent(p + 1, power);
        if (p == nullptr)
            return read_unusual_number(value);
    }
    // Letters may continue what strtof() knows, as in "0x1p3".
    if (*p != ',' && *p != ']' && !is_space(*p))
        return read_unusual_number(value);
    if (!nearest_float(mantissa, power, value))
        return read_unusual_number(value);
    if (negative)
        value = -value;
    cursor_ = p;
    return TextStatus::done;
}

/// The C library's word on the number at the cursor.
[[gnu::noinline, gnu::cold]] TextStatus
VectorTextReader::read_unusual_number(float &value) noexcept
{
    char *stop = nullptr;
    errno = 0;
    value = std::strtof(cursor_, &stop);
    if (stop == cursor_)
        return TextStatus::syntax_error;
    if (errno == ERANGE && std::isinf(value)) {
        token_ = cursor_;
        token_length_ = static_cast<std::size_t>(stop - cursor_);
        return TextStatus::out_of_range;
    }
    if (std::isnan(value))
        return TextStatus::not_a_number;
    if (std::isinf(value))
        return TextStatus::infinite;
    cursor_ = stop;
    return TextStatus::done;
}

TextStatus
VectorTextReader::open() noexcept
{
    skip_space();
    if (*cursor_ != '[')
        return TextStatus::missing_bracket;
    cursor_++;
    skip_space();
    if (*cursor_ == ']')
        return TextStatus::no_elements;
    opened_ = true;
    return TextStatus::done;
}

TextStatus
VectorTextReader::close() noexcept
{
    skip_space();
    return *cursor_ == '\0' ? TextStatus::done : TextStatus::trailing_text;
}

TextStatus
VectorTextReader::read(float *values, int capacity) noexcept
{
    if (!opened_) {
        const TextStatus status = open();
        if (status != TextStatus::done)
            return status;
    }
    for (;;) {
        if (count_ == max_elements_)
            return TextStatus::too_many;
        if (count_ == capacity)
            return TextStatus::need_space;
        skip_space();
        const TextStatus status = read_number(values[count_]);
        if (status != TextStatus::done)
            return status;
        count_++;

        if (*cursor_ != ',') {
            skip_space();
            if (*cursor_ == ']') {
                cursor_++;
                return close();
            }
            if (*cursor_ != ',')
                return TextStatus::syntax_error;
        }
        cursor_++;
    }
}

} // namespace vx::kernel
