//! The demo company: its warehouses, stock, orders, customers and accounts; no behaviour.

/// A warehouse: code and name.
pub const WAREHOUSES: &[(&str, &str)] =
    &[("HF", "合肥仓 Hefei"), ("SH", "上海仓 Shanghai"), ("GZ", "广州仓 Guangzhou")];

/// A sales channel: code and name.
pub const CHANNELS: &[(&str, &str)] = &[("tmall", "天猫 Tmall"), ("jd", "京东 JD"), ("store", "门店 Stores")];

/// The accounts that every demo application knows, with what the person does. All share [`PASSWORD`].
pub const ACCOUNTS: &[(&str, &str)] = &[
    ("picker.hf", "picker, warehouse HF"),
    ("checker.hf", "checker, warehouse HF"),
    ("keeper.hf", "warehouse keeper, HF"),
    ("keeper.east", "warehouse keeper, HF and SH"),
    ("lead", "operations lead, all warehouses"),
    ("finance", "finance"),
    ("service", "customer service"),
    ("frontdesk", "front desk, store S1"),
    ("marketing", "marketing"),
    ("sales.north", "sales rep, own customers only"),
    ("technician", "technician"),
    ("dept.admin", "department admin, logistics"),
    ("admin", "system admin"),
    ("temp.summer", "seasonal picker whose contract has ended"),
    ("leaver", "has left the company: frozen"),
    ("visitor", "known to the applications, but to no rule"),
];

/// The password of every demo account, in the applications' own sign-in pages.
pub const PASSWORD: &str = "demo";

/// Whether the applications know this account with this password.
#[must_use]
pub fn signs_in(user: &str, password: &str) -> bool {
    password == PASSWORD && ACCOUNTS.iter().any(|(name, _)| *name == user)
}

/// A line of stock.
#[derive(Clone)]
pub struct Stock {
    /// The warehouse's code.
    pub warehouse: &'static str,
    /// The article number.
    pub sku: &'static str,
    /// What it is.
    pub name: &'static str,
    /// How many lie there.
    pub quantity: i64,
}

/// The stock at the start.
#[must_use]
pub fn stock() -> Vec<Stock> {
    let line = |warehouse, sku, name, quantity| Stock { warehouse, sku, name, quantity };
    vec![
        line("HF", "A-1001", "保温杯 Vacuum flask 500 ml", 320),
        line("HF", "A-1002", "雨伞 Umbrella, folding", 96),
        line("HF", "B-2001", "台灯 Desk lamp", 41),
        line("SH", "A-1001", "保温杯 Vacuum flask 500 ml", 180),
        line("SH", "B-2002", "键盘 Keyboard", 75),
        line("SH", "C-3001", "咖啡豆 Coffee beans 1 kg", 510),
        line("GZ", "A-1002", "雨伞 Umbrella, folding", 640),
        line("GZ", "C-3002", "绿茶 Green tea 250 g", 1_200),
    ]
}

/// An order.
#[derive(Clone)]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// The warehouse that ships it.
    pub warehouse: &'static str,
    /// The shop or platform that it came from.
    pub channel: &'static str,
    /// Who bought.
    pub customer: &'static str,
    /// Its value in yuan.
    pub amount: u32,
    /// Where it stands.
    pub status: &'static str,
}

/// The orders at the start.
#[must_use]
pub fn orders() -> Vec<Order> {
    let order =
        |id, warehouse, channel, customer, amount, status| Order { id, warehouse, channel, customer, amount, status };
    vec![
        order(10_001, "HF", "tmall", "C-01", 398, "open"),
        order(10_002, "HF", "jd", "C-02", 1_250, "picked"),
        order(10_003, "SH", "tmall", "C-03", 89, "open"),
        order(10_004, "SH", "store", "C-01", 7_600, "open"),
        order(10_005, "GZ", "jd", "C-04", 45, "shipped"),
        order(10_006, "GZ", "tmall", "C-02", 2_310, "open"),
    ]
}

/// A customer of the CRM.
#[derive(Clone)]
pub struct Customer {
    /// The number.
    pub id: &'static str,
    /// The company.
    pub name: &'static str,
    /// The sales rep who looks after it.
    pub owner: &'static str,
    /// The telephone number.
    pub phone: String,
    /// What they have spent, in yuan.
    pub spent: u32,
}

/// The customers at the start.
#[must_use]
pub fn customers() -> Vec<Customer> {
    let customer = |id, name, owner, phone: &str, spent| Customer { id, name, owner, phone: phone.into(), spent };
    vec![
        customer("C-01", "东湖超市 East Lake Market", "sales.north", "0551-555-0101", 48_210),
        customer("C-02", "南山书店 South Hill Books", "sales.south", "020-555-0102", 12_900),
        customer("C-03", "江边酒店 Riverside Hotel", "sales.north", "021-555-0103", 96_400),
        customer("C-04", "老街茶馆 Old Street Tea House", "sales.south", "020-555-0104", 7_150),
    ]
}

/// All that the applications hold at the start.
#[derive(Clone)]
pub struct World {
    /// What lies in the warehouses.
    pub stock: Vec<Stock>,
    /// The orders.
    pub orders: Vec<Order>,
    /// The customers.
    pub customers: Vec<Customer>,
}

impl Default for World {
    fn default() -> Self {
        Self { stock: stock(), orders: orders(), customers: customers() }
    }
}
