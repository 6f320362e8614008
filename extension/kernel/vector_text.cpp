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

/// 10^-64 to 10^64, each the nearest double.
constexpr double kPowersOfTen[2 * kMaxPower + 1] = {
    1e-64, 1e-63, 1e-62, 1e-61, 1e-60, 1e-59, 1e-58, 1e-57, 1e-56, 1e-55, 1e-54, 1e-53, 1e-52,
    1e-51, 1e-50, 1e-49, 1e-48, 1e-47, 1e-46, 1e-45, 1e-44, 1e-43, 1e-42, 1e-41, 1e-40, 1e-39,
    1e-38, 1e-37, 1e-36, 1e-35, 1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29, 1e-28, 1e-27, 1e-26,
    1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13,
    1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,  1e-4,  1e-3,  1e-2,  1e-1,  1e0,
    1e1,   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,   1e8,   1e9,   1e10,  1e11,  1e12,  1e13,
    1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22,  1e23,  1e24,  1e25,  1e26,
    1e27,  1e28,  1e29,  1e30,  1e31,  1e32,  1e33,  1e34,  1e35,  1e36,  1e37,  1e38,  1e39,
    1e40,  1e41,  1e42,  1e43,  1e44,  1e45,  1e46,  1e47,  1e48,  1e49,  1e50,  1e51,  1e52,
    1e53,  1e54,  1e55,  1e56,  1e57,  1e58,  1e59,  1e60,  1e61,  1e62,  1e63,  1e64};

constexpr std::uint64_t kIntegerPowersOfTen[] = {1,
                                                 10,
                                                 100,
                                                 1000,
                                                 10000,
                                                 100000,
                                                 1000000,
                                                 10000000,
                                                 100000000,
                                                 1000000000,
                                                 10000000000,
                                                 100000000000,
                                                 1000000000000,
                                                 10000000000000,
                                                 100000000000000,
                                                 1000000000000000,
                                                 10000000000000000,
                                                 100000000000000000,
                                                 1000000000000000000};

/// 18, so that a mantissa also fits a signed integer, which every processor converts to double in
/// one instruction.
constexpr unsigned kMostDigits = 18;

/// True if n more digits behind `mantissa` make more than kMostDigits. REQUIRES: n <= kMostDigits.
inline bool
too_long(std::uint64_t mantissa, unsigned n) noexcept
{
    return mantissa >= kIntegerPowersOfTen[kMostDigits - n];
}

constexpr std::uint64_t kZeros = 0x3030303030303030; // "00000000"

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

/// Sets the top bit of each byte that is no digit, from the first such byte on; below it the result
/// is 0. `digits` holds each byte exclusive-or '0', so that digits are 0 to 9: adding 0x76 sets the
/// top bit of any byte above 9. A carry leaves only bytes that are not digits, so it never reaches
/// the first of these.
inline std::uint64_t
not_digits(std::uint64_t digits) noexcept
{
    return ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;
}

/// How many bytes stand before the first that not_digits() marked.
inline unsigned
run_length(std::uint64_t marks) noexcept
{
    return marks == 0 ? 8 : static_cast<unsigned>(__builtin_ctzll(marks)) / 8;
}

/// The upper n bytes, and zeros below. Two shifts, because n may be 0.
inline std::uint64_t
keep_upper_bytes(std::uint64_t word, unsigned n) noexcept
{
    const unsigned half = 4 * (8 - n);
    return word >> half >> half << half << half;
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

/// A run of digits, added behind those that a mantissa holds.
struct DigitRun {
    const char *next; ///< first byte that is no digit
    bool fits;        ///< false: more than kMostDigits significant digits
};

inline DigitRun
append_digits(const char *p, const char *end, std::uint64_t &mantissa) noexcept
{
    for (;;) {
        const std::uint64_t digits = load_up_to_eight(p, end) ^ kZeros;
        const unsigned n = run_length(not_digits(digits));
        if (n == 0)
            return {p, true};
        if (too_long(mantissa, n))
            return {p, false};
        // Shifting the other bytes out lets zeros in at the front, where they count nothing.
        mantissa = mantissa * kIntegerPowersOfTen[n] + combine_eight(digits << (8 * (8 - n)));
        p += n;
        if (n < 8)
            return {p, true};
    }
}

/// As append_digits, for the fraction of most numbers. How many digits an embedding's numbers have
/// is as good as random, so a branch on it would be mispredicted every other time: this finds the
/// end of up to 16 digits, then converts the two words that end there, all without a branch.
/// REQUIRES: 16 bytes of the text before p and 16 from p on.
inline DigitRun
append_fraction(const char *p, const char *end, std::uint64_t &mantissa) noexcept
{
    const std::uint64_t first = not_digits(load_eight(p) ^ kZeros);
    const std::uint64_t second = not_digits(load_eight(p + 8) ^ kZeros);
    const unsigned n = first != 0 ? run_length(first) : 8 + run_length(second);
    if (too_long(mantissa, n))
        return {p, false};
    p += n;

    // The run ends in `low`; what is not of the run is in the lower bytes and becomes zeros.
    const unsigned in_low = n < 8 ? n : 8;
    const std::uint64_t low = keep_upper_bytes(load_eight(p - 8) ^ kZeros, in_low);
    const std::uint64_t high = keep_upper_bytes(load_eight(p - 16) ^ kZeros, n - in_low);
    mantissa =
        mantissa * kIntegerPowersOfTen[n] + combine_eight(high) * 100000000 + combine_eight(low);
    return n < 16 ? DigitRun{p, true} : append_digits(p, end, mantissa);
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
/// The mantissa as a double, the power of ten and their product are each rounded once, by at most
/// 2^-53 of the value: together less than 3.1 units in the last place of `d`. A float keeps 24 of
/// the double's 53 bits, so the exact value and `d` round to the same float unless a midpoint
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

    const double d =
        static_cast<double>(static_cast<std::int64_t>(mantissa)) * kPowersOfTen[power + kMaxPower];
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

inline const char *
skip_space(const char *p) noexcept
{
    while (is_space(*p))
        p++;
    return p;
}

/// The text between its first and last byte, for those who read words of it.
struct Bounds {
    const char *begin;
    const char *end;
};

/// Reads a plain decimal number. Returns the byte behind it, which is white space, ',' or ']', or
/// nullptr for all that is written otherwise, or not provably rounded right.
[[gnu::always_inline]] inline const char *
read_plain_number(const char *p, const Bounds &text, float &value) noexcept
{
    const bool negative = *p == '-';
    p += negative | (*p == '+'); // no branch: signs are random

    std::uint64_t mantissa = 0;
    long power = 0;
    const char *const integer = p;
    // The integer part of an embedding's numbers is nearly always one digit.
    if (is_digit(p[0]) && !is_digit(p[1])) {
        mantissa = static_cast<std::uint64_t>(p[0] - '0');
        p++;
    } else {
        const DigitRun run = append_digits(p, text.end, mantissa);
        if (!run.fits)
            return nullptr;
        p = run.next;
    }
    auto digits = p - integer;
    if (*p == '.') {
        const char *const fraction = ++p;
        const bool roomy = p - text.begin >= 16 && text.end - p >= 16;
        const DigitRun run =
            roomy ? append_fraction(p, text.end, mantissa) : append_digits(p, text.end, mantissa);
        if (!run.fits)
            return nullptr;
        p = run.next;
        power = -static_cast<long>(p - fraction);
        digits += p - fraction;
    }
    if (digits == 0)
        return nullptr;
    if (*p == 'e' || *p == 'E') {
        p = read_exponent(p + 1, power);
        if (p == nullptr)
            return nullptr;
    }
    // Letters may continue what strtof() knows, as in "0x1p3".
    if (*p != ',' && *p != ']' && !is_space(*p))
        return nullptr;
    if (!nearest_float(mantissa, power, value))
        return nullptr;
    value = negative ? -value : value;
    return p;
}

} // namespace

/// The C library's word on the number at the cursor; moves behind it.
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
    cursor_ = skip_space(cursor_);
    if (*cursor_ != '[')
        return TextStatus::missing_bracket;
    cursor_ = skip_space(cursor_ + 1);
    if (*cursor_ == ']')
        return TextStatus::no_elements;
    opened_ = true;
    return TextStatus::done;
}

TextStatus
VectorTextReader::read(float *values, int capacity) noexcept
{
    if (!opened_) {
        const TextStatus status = open();
        if (status != TextStatus::done)
            return status;
    }
    const Bounds text = {begin_, end_};
    for (;;) {
        if (count_ == max_elements_)
            return TextStatus::too_many;
        if (count_ == capacity)
            return TextStatus::need_space;

        cursor_ = skip_space(cursor_);
        const char *p = read_plain_number(cursor_, text, values[count_]);
        if (p == nullptr) {
            const TextStatus status = read_unusual_number(values[count_]);
            if (status != TextStatus::done)
                return status;
            p = cursor_;
        }
        count_++;

        p = skip_space(p);
        cursor_ = p + 1;
        if (*p == ']')
            return *skip_space(cursor_) == '\0' ? TextStatus::done : TextStatus::trailing_text;
        if (*p != ',')
            return TextStatus::syntax_error;
    }
}

} // namespace vx::kernel
