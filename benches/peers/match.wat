;; Histogram matching of a packed 8-bit RGB picture, written from the rule:
;;
;;     lut[v] = the least u with cdf_picture[v] / n_picture <= cdf_reference[u] / n_reference
;;
;; The host writes a picture to address 65536 and calls "set_reference" or "match" with the number
;; of its pixels, which must be even; "match" replaces the picture in place.
;;
;; Memory, three channels after one another everywhere:
;;        0  counts of the pixels 0, 2, 4, ...: 256 x u32 each; then the picture's CDFs
;;     3072  counts of the pixels 1, 3, 5, ...
;;     6144  CDFs of the reference: 256 x u32 each
;;     9216  lookup tables: 256 bytes each
;;    65536  the picture
(module
  ;; 8 MiB: room for 1920x1080.
  (memory (export "memory") 128)
  (global $reference_pixels (mut i32) (i32.const 0))

  (func (export "set_reference") (param $pixels i32)
    (global.set $reference_pixels (local.get $pixels))
    (call $count (local.get $pixels))
    (call $sum_up (i32.const 6144)))

  (func (export "match") (param $pixels i32)
    (call $count (local.get $pixels))
    (call $sum_up (i32.const 0))
    (call $make_tables (local.get $pixels))
    (call $apply (local.get $pixels)))

  (func $end (param $pixels i32) (result i32)
    (i32.add (i32.const 65536) (i32.mul (local.get $pixels) (i32.const 3))))

  ;; Two pixels a step. Neighbours mostly have equal levels: each has counts of its own, so that no
  ;; addition waits for the one before.
  (func $count (param $pixels i32)
    (local $p i32) (local $end i32) (local $bin i32)
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 6144))
    (local.set $p (i32.const 65536))
    (local.set $end (call $end (local.get $pixels)))
    (loop $next
      (local.set $bin (i32.shl (i32.load8_u (local.get $p)) (i32.const 2)))
      (i32.store (local.get $bin)
        (i32.add (i32.load (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.shl (i32.load8_u offset=1 (local.get $p)) (i32.const 2)))
      (i32.store offset=1024 (local.get $bin)
        (i32.add (i32.load offset=1024 (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.shl (i32.load8_u offset=2 (local.get $p)) (i32.const 2)))
      (i32.store offset=2048 (local.get $bin)
        (i32.add (i32.load offset=2048 (local.get $bin)) (i32.const 1)))

      (local.set $bin (i32.shl (i32.load8_u offset=3 (local.get $p)) (i32.const 2)))
      (i32.store offset=3072 (local.get $bin)
        (i32.add (i32.load offset=3072 (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.shl (i32.load8_u offset=4 (local.get $p)) (i32.const 2)))
      (i32.store offset=4096 (local.get $bin)
        (i32.add (i32.load offset=4096 (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.shl (i32.load8_u offset=5 (local.get $p)) (i32.const 2)))
      (i32.store offset=5120 (local.get $bin)
        (i32.add (i32.load offset=5120 (local.get $bin)) (i32.const 1)))

      (local.set $p (i32.add (local.get $p) (i32.const 6)))
      (br_if $next (i32.lt_u (local.get $p) (local.get $end)))))

  ;; From the counts to the CDFs, written to the address $to.
  (func $sum_up (param $to i32)
    (local $bin i32) (local $sum i32)
    (loop $next
      ;; A channel begins every 1024 bytes.
      (if (i32.eqz (i32.and (local.get $bin) (i32.const 1023)))
        (then (local.set $sum (i32.const 0))))
      (local.set $sum
        (i32.add (local.get $sum)
          (i32.add (i32.load (local.get $bin)) (i32.load offset=3072 (local.get $bin)))))
      (i32.store (i32.add (local.get $to) (local.get $bin)) (local.get $sum))
      (local.set $bin (i32.add (local.get $bin) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $bin) (i32.const 3072)))))

  ;; The rule, both sides times n_picture * n_reference. All counts are below 2^32, as is every size
  ;; in this memory, so their products fit into 64 bits.
  (func $make_tables (param $pixels i32)
    (local $bin i32) (local $u i32)
    (loop $next_level
      (if (i32.eqz (i32.and (local.get $bin) (i32.const 1023)))
        (then (local.set $u (local.get $bin))))
      ;; Both CDFs rise: the search goes on where the last level's ended.
      (block $found
        (loop $next_u
          (br_if $found
            (i64.le_u
              (i64.mul
                (i64.load32_u (local.get $bin))
                (i64.extend_i32_u (global.get $reference_pixels)))
              (i64.mul
                (i64.load32_u offset=6144 (local.get $u))
                (i64.extend_i32_u (local.get $pixels)))))
          (local.set $u (i32.add (local.get $u) (i32.const 4)))
          (br $next_u)))
      ;; store8 keeps the low 8 bits: the level without the channel.
      (i32.store8 offset=9216
        (i32.shr_u (local.get $bin) (i32.const 2))
        (i32.shr_u (local.get $u) (i32.const 2)))
      (local.set $bin (i32.add (local.get $bin) (i32.const 4)))
      (br_if $next_level (i32.lt_u (local.get $bin) (i32.const 3072)))))

  (func $apply (param $pixels i32)
    (local $p i32) (local $end i32)
    (local.set $p (i32.const 65536))
    (local.set $end (call $end (local.get $pixels)))
    (loop $next
      (i32.store8 (local.get $p)
        (i32.load8_u offset=9216 (i32.load8_u (local.get $p))))
      (i32.store8 offset=1 (local.get $p)
        (i32.load8_u offset=9472 (i32.load8_u offset=1 (local.get $p))))
      (i32.store8 offset=2 (local.get $p)
        (i32.load8_u offset=9728 (i32.load8_u offset=2 (local.get $p))))

      (i32.store8 offset=3 (local.get $p)
        (i32.load8_u offset=9216 (i32.load8_u offset=3 (local.get $p))))
      (i32.store8 offset=4 (local.get $p)
        (i32.load8_u offset=9472 (i32.load8_u offset=4 (local.get $p))))
      (i32.store8 offset=5 (local.get $p)
        (i32.load8_u offset=9728 (i32.load8_u offset=5 (local.get $p))))

      (local.set $p (i32.add (local.get $p) (i32.const 6)))
      (br_if $next (i32.lt_u (local.get $p) (local.get $end))))))
