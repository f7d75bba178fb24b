//! Matrices of 3 x 3 in f64, by + − × ÷ √ alone: the same bits on every machine.

/// Rows of columns.
pub type Matrix = [[f64; 3]; 3];

/// Three values.
pub type Vector = [f64; 3];

/// The matrix that changes nothing.
pub const IDENTITY: Matrix = diagonal([1.; 3]);

/// Zeros beside these.
pub const fn diagonal([a, b, c]: Vector) -> Matrix {
    [[a, 0., 0.], [0., b, 0.], [0., 0., c]]
}

/// `a b`.
pub fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let entry = |row: usize, column: usize| {
        a[row][0] * b[0][column] + a[row][1] * b[1][column] + a[row][2] * b[2][column]
    };
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| entry(row, column)))
}

/// `m v`.
pub fn apply(m: &Matrix, [x, y, z]: Vector) -> Vector {
    m.map(|[a, b, c]| a * x + b * y + c * z)
}

/// Rows as columns.
pub fn transposed(m: &Matrix) -> Matrix {
    [0, 1, 2].map(|row| m.map(|entries| entries[row]))
}

/// What undoes a matrix that isn't singular, by Cramer's rule.
pub fn inverse(m: &Matrix) -> Matrix {
    let minor = |row: usize, column: usize| {
        let [r1, r2] = [(row + 1) % 3, (row + 2) % 3];
        let [c1, c2] = [(column + 1) % 3, (column + 2) % 3];
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let [a, b, c] = [0, 1, 2].map(|column| m[0][column] * minor(0, column));
    let determinant = a + b + c;
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / determinant))
}

/// `a + b`.
pub fn sum(a: &Matrix, b: &Matrix) -> Matrix {
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| a[row][column] + b[row][column]))
}

/// A matrix and an offset in f32, for the pixels of samples.
#[derive(Clone, Debug)]
pub struct Affine32 {
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
}

impl Affine32 {
    /// `matrix v + offset`.
    pub fn new(matrix: &Matrix, offset: Vector) -> Self {
        Self {
            matrix: matrix.map(|row| row.map(|entry| entry as f32)),
            offset: offset.map(|value| value as f32),
        }
    }

    /// Replaces all pixels, a component after the other.
    #[inline(always)]
    pub fn apply_all(&self, [first, second, third]: &mut [Vec<f32>; 3]) {
        for ((x, y), z) in first.iter_mut().zip(second).zip(third) {
            let color = [*x, *y, *z];
            let row = |i: usize| {
                let ([a, b, c], offset) = (self.matrix[i], self.offset[i]);
                a * color[0] + b * color[1] + c * color[2] + offset
            };
            [*x, *y, *z] = [row(0), row(1), row(2)];
        }
    }
}

/// Replaces the eigenvalues of a symmetric matrix.
pub fn with_eigenvalues(symmetric: &Matrix, replace: impl Fn(f64) -> f64) -> Matrix {
    let (values, vectors) = eigen(symmetric);
    let values = values.map(replace);
    let entry = |row: usize, column: usize| {
        let part = |i: usize| vectors[row][i] * values[i] * vectors[column][i];
        part(0) + part(1) + part(2)
    };
    // Symmetric to the last bit.
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| entry(row.min(column), row.max(column))))
}

/// Sweeps after which rotations change nothing any more; 3 x 3 take five or six.
const SWEEPS: usize = 16;

/// The eigenvalues of a symmetric matrix, and its eigenvectors as columns, by cyclic Jacobi
/// rotations (G. H. Golub, C. F. Van Loan, *Matrix Computations*, section 8.5).
fn eigen(symmetric: &Matrix) -> (Vector, Matrix) {
    let (mut m, mut vectors) = (*symmetric, IDENTITY);
    for _ in 0..SWEEPS {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if m[p][q] == 0. {
                continue;
            }
            // The tangent of the smaller angle that makes the entry 0.
            let theta = (m[q][q] - m[p][p]) / (2. * m[p][q]);
            let sign = if theta < 0. { -1. } else { 1. };
            let t = sign / (theta.abs() + (theta * theta + 1.).sqrt());
            let c = 1. / (t * t + 1.).sqrt();
            let s = t * c;
            let (pp, qq, pq) = (m[p][p], m[q][q], m[p][q]);
            m[p][p] = pp - t * pq;
            m[q][q] = qq + t * pq;
            m[p][q] = 0.;
            m[q][p] = 0.;
            let r = 3 - p - q;
            let (rp, rq) = (m[r][p], m[r][q]);
            m[r][p] = c * rp - s * rq;
            m[p][r] = m[r][p];
            m[r][q] = s * rp + c * rq;
            m[q][r] = m[r][q];
            for row in &mut vectors {
                let (vp, vq) = (row[p], row[q]);
                row[p] = c * vp - s * vq;
                row[q] = s * vp + c * vq;
            }
        }
    }
    ([m[0][0], m[1][1], m[2][2]], vectors)
}
