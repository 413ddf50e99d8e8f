//! A naive model of the decision: sets of strings and every combination written out; shares no idea with `policy::decide`.

use std::collections::{BTreeMap, BTreeSet};

/// A limit of one dimension, as people files write it.
#[derive(Clone, Debug)]
pub enum Limit {
    All,
    Of(Vec<Item>),
}

#[derive(Clone, Debug)]
pub enum Item {
    Value(String),
    Below(String),
}

#[derive(Clone, Debug)]
pub struct Assignment {
    pub role: usize,
    pub scope: BTreeMap<String, Limit>,
    pub from: Option<i64>,
    pub until: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub frozen: bool,
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub assignments: Vec<Assignment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Untyped,
    Int,
    Enum,
    Commas,
    Repeated,
}

#[derive(Clone, Debug)]
pub struct Binding {
    pub dimension: String,
    pub params: Vec<String>,
    pub kind: Kind,
    pub fill: bool,
    pub narrow: bool,
}

#[derive(Clone, Debug)]
pub enum Authority {
    Public,
    Permission(usize),
    Operation { by: String, cases: BTreeMap<String, usize>, absent: Option<usize> },
}

#[derive(Clone, Debug)]
pub enum Test {
    Network,
    AtMost { param: String, most: i64, absent: bool },
}

#[derive(Clone, Debug)]
pub struct Condition {
    pub on: Option<usize>,
    pub test: Test,
}

#[derive(Clone, Debug)]
pub struct Route {
    pub authority: Authority,
    pub params: Vec<(String, Kind)>,
    pub bindings: Vec<Binding>,
    pub ignored: Vec<String>,
    pub forward_others: bool,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub struct World {
    /// From a group to its members, over all dimensions.
    pub tree: BTreeMap<String, Vec<String>>,
    /// From a role to the numbers of its permissions.
    pub roles: Vec<BTreeSet<usize>>,
    pub people: Vec<Person>,
    pub routes: Vec<Route>,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// The number of a person; one past the last is a stranger, two past is nobody.
    pub who: usize,
    pub route: usize,
    pub now: i64,
    pub inside: bool,
    pub query: Vec<(String, String)>,
}

/// The codes that may be told, and the query that is forwarded where it is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Permit(BTreeMap<String, Vec<String>>),
    Refuse(BTreeSet<&'static str>),
}

fn refuse(code: &'static str) -> Result<(), Expected> {
    Err(no(code))
}

fn no(code: &'static str) -> Expected {
    Expected::Refuse(BTreeSet::from([code]))
}

fn is_valid(from: Option<i64>, until: Option<i64>, now: i64) -> bool {
    from.unwrap_or(i64::MIN) <= now && now < until.unwrap_or(i64::MAX)
}

fn fits(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Int => text.parse::<i64>().is_ok_and(|number| number.to_string() == text),
        Kind::Enum => matches!(text, "red" | "green"),
        Kind::Untyped | Kind::Commas | Kind::Repeated => true,
    }
}

impl World {
    /// Every value of `dimension` under the limit; `None` for all there could ever be.
    fn expand(&self, limit: &Limit) -> Option<BTreeSet<String>> {
        let Limit::Of(items) = limit else { return None };
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = Vec::new();
        for item in items {
            match item {
                Item::Value(value) => drop(found.insert(value.clone())),
                Item::Below(value) => open.push(value.clone()),
            }
        }
        while let Some(value) = open.pop() {
            open.extend(self.tree.get(&value).into_iter().flatten().cloned());
            found.insert(value);
        }
        Some(found)
    }

    pub fn decide(&self, request: &Request) -> Expected {
        let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &request.query {
            query.entry(name.clone()).or_default().push(value.clone());
        }
        match self.judge(request, query, 0) {
            Ok(query) => Expected::Permit(query),
            Err(refused) => refused,
        }
    }

    fn judge(
        &self,
        request: &Request,
        mut query: BTreeMap<String, Vec<String>>,
        round: usize,
    ) -> Result<BTreeMap<String, Vec<String>>, Expected> {
        assert!(round < 2, "judged again without end: {request:?}");
        let route = &self.routes[request.route];
        let sent = query.clone();

        if !matches!(route.authority, Authority::Public) {
            self.standing(request)?;
        }
        let permission = match &route.authority {
            Authority::Public => None,
            Authority::Permission(permission) => Some(*permission),
            Authority::Operation { by, cases, absent } => match query.get(by).map(Vec::as_slice) {
                None => Some(absent.ok_or(no("unknown-operation"))?),
                Some([one]) if one.is_empty() => Some(absent.ok_or(no("unknown-operation"))?),
                Some([one]) => Some(*cases.get(one).ok_or(no("unknown-operation"))?),
                Some(_) => return Err(no("ambiguous-parameter")),
            },
        };

        let mut named: BTreeMap<String, Kind> = route.params.iter().cloned().collect();
        for binding in &route.bindings {
            named.extend(binding.params.iter().map(|param| (param.clone(), binding.kind)));
        }
        if let Authority::Operation { by, .. } = &route.authority {
            named.entry(by.clone()).or_insert(Kind::Untyped);
        }
        for condition in &route.conditions {
            if let Test::AtMost { param, .. } = &condition.test {
                named.entry(param.clone()).or_insert(Kind::Untyped);
            }
        }
        let mut faults = BTreeSet::new();
        let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, kind) in &named {
            let Some(values) = query.get(name).cloned() else { continue };
            if values == [""] {
                query.remove(name);
                continue;
            }
            let list = match kind {
                Kind::Repeated => values,
                _ if values.len() > 1 => {
                    faults.insert("ambiguous-parameter");
                    continue;
                }
                Kind::Commas => values[0].split(',').map(str::to_owned).collect(),
                _ => values,
            };
            let is_list = matches!(kind, Kind::Repeated | Kind::Commas);
            if list.iter().any(|text| !fits(*kind, text) || (is_list && text.is_empty())) {
                faults.insert("parameter-type");
            }
            lists.insert(name.clone(), list);
        }
        if !faults.is_empty() {
            return Err(Expected::Refuse(faults));
        }
        if !route.forward_others && query.keys().any(|name| !named.contains_key(name)) {
            return Err(no("unknown-parameter"));
        }

        if let Some(permission) = permission {
            let granting = self.granting(request, permission)?;
            let filled = self.reach(route, &granting, &lists)?;
            query.extend(filled);
        }
        if query != sent {
            return self.judge(request, query, round + 1);
        }
        for condition in route.conditions.iter().filter(|c| c.on.is_none() || c.on == permission) {
            match &condition.test {
                Test::Network if request.inside => {}
                Test::Network => refuse("condition-failed")?,
                Test::AtMost { param, most, absent } => match lists.get(param).map(Vec::as_slice) {
                    None if *absent => {}
                    None => refuse("condition-failed")?,
                    Some(values) => {
                        let numbers: Option<Vec<i64>> =
                            values.iter().map(|v| v.parse().ok().filter(|n: &i64| n.to_string() == *v)).collect();
                        match numbers {
                            None => refuse("condition-error")?,
                            Some(numbers) if numbers.iter().all(|number| number <= most) => {}
                            Some(_) => refuse("condition-failed")?,
                        }
                    }
                },
            }
        }
        Ok(query)
    }

    fn standing(&self, request: &Request) -> Result<&Person, Expected> {
        if request.who > self.people.len() {
            return Err(no("unauthenticated"));
        }
        let person = self.people.get(request.who).ok_or(no("unknown-subject"))?;
        if person.frozen {
            refuse("frozen")?;
        }
        if person.until.is_some_and(|until| until <= request.now) {
            refuse("account-ended")?;
        }
        if !is_valid(person.from, person.until, request.now) {
            refuse("account-not-begun")?;
        }
        Ok(person)
    }

    fn granting(&self, request: &Request, permission: usize) -> Result<Vec<&Assignment>, Expected> {
        let person = self.standing(request)?;
        let all: Vec<&Assignment> =
            person.assignments.iter().filter(|a| self.roles[a.role].contains(&permission)).collect();
        let valid: Vec<&Assignment> = all.iter().copied().filter(|a| is_valid(a.from, a.until, request.now)).collect();
        if valid.is_empty() {
            let ended = |a: &&Assignment| a.until.is_some_and(|until| until <= request.now);
            return Err(no(match (all.iter().any(|a| !ended(a)), all.is_empty()) {
                (_, true) => "not-granted",
                (true, _) => "assignment-not-begun",
                (false, _) => "assignment-ended",
            }));
        }
        Ok(valid)
    }

    /// What is put into the query so that one box holds everything.
    fn reach(
        &self,
        route: &Route,
        granting: &[&Assignment],
        lists: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<String>>, Expected> {
        // what is asked: for each binding its values, or nothing where it is open
        let mut asked: Vec<Option<BTreeSet<String>>> = Vec::new();
        for binding in &route.bindings {
            let given: Vec<Option<&Vec<String>>> = binding.params.iter().map(|param| lists.get(param)).collect();
            if given.iter().all(Option::is_none) && binding.fill {
                asked.push(None);
            } else if given.iter().any(Option::is_none) {
                refuse("scope-missing")?;
            } else {
                asked.push(Some(given.into_iter().flatten().flatten().cloned().collect()));
            }
        }
        // each box as the set of its combinations: of the values asked for, of all that could be filled in where open
        let mut everything: Vec<BTreeSet<String>> = asked.iter().map(|a| a.clone().unwrap_or_default()).collect();
        for (universe, binding) in everything.iter_mut().zip(&route.bindings).filter(|(u, _)| u.is_empty()) {
            universe.insert("*".to_owned());
            for limit in granting.iter().filter_map(|a| a.scope.get(&binding.dimension)) {
                universe.extend(self.expand(limit).into_iter().flatten());
            }
        }
        let names = |dimension: &String| {
            route.ignored.contains(dimension) || route.bindings.iter().any(|binding| binding.dimension == *dimension)
        };
        let mut boxes: BTreeSet<Vec<BTreeSet<String>>> = BTreeSet::new();
        let mut limited = false;
        for assignment in granting {
            let sides: Option<Vec<BTreeSet<String>>> = route
                .bindings
                .iter()
                .zip(&everything)
                .map(|(binding, universe)| match self.expand(assignment.scope.get(&binding.dimension)?) {
                    None => Some(universe.clone()),
                    Some(values) => Some(universe.intersection(&values).cloned().collect()),
                })
                .collect();
            // an open side may be empty, a given one may not
            let Some(sides) = sides.filter(|sides| sides.iter().zip(&asked).all(|(s, a)| a.is_none() || !s.is_empty()))
            else {
                continue;
            };
            if assignment.scope.iter().any(|(d, limit)| matches!(limit, Limit::Of(_)) && !names(d)) {
                limited = true;
                continue;
            }
            boxes.insert(sides);
        }
        self.unite(&mut boxes);
        let narrow = |at: usize| route.bindings[at].narrow;
        let mut fitting: Vec<&Vec<BTreeSet<String>>> = boxes
            .iter()
            .filter(|sides| {
                (0..sides.len()).all(|at| narrow(at) || asked[at].as_ref().is_none_or(|all| sides[at] == *all))
            })
            .collect();
        let all = fitting.clone();
        fitting
            .retain(|one| !all.iter().any(|other| other != one && one.iter().zip(*other).all(|(a, b)| a.is_subset(b))));
        let chosen = match fitting.as_slice() {
            [] => return Err(no(if limited { "scope-unbound" } else { "out-of-scope" })),
            [one] => *one,
            _ => return Err(no("scope-ambiguous")),
        };
        let mut put = BTreeMap::new();
        let mut faults = BTreeSet::new();
        for (at, binding) in route.bindings.iter().enumerate() {
            let side = &chosen[at];
            match &asked[at] {
                None if side.contains("*") => {}
                None => {
                    let leaves: Vec<String> = side.iter().filter(|v| !self.tree.contains_key(*v)).cloned().collect();
                    for param in &binding.params {
                        self.put(binding, param, leaves.clone(), &mut put, &mut faults);
                    }
                }
                Some(_) => {
                    for param in &binding.params {
                        let kept: Vec<String> = lists[param].iter().filter(|v| side.contains(*v)).cloned().collect();
                        if kept != lists[param] {
                            self.put(binding, param, kept, &mut put, &mut faults);
                        }
                    }
                }
            }
        }
        if faults.is_empty() { Ok(put) } else { Err(Expected::Refuse(faults)) }
    }

    fn put(
        &self,
        binding: &Binding,
        param: &str,
        values: Vec<String>,
        put: &mut BTreeMap<String, Vec<String>>,
        faults: &mut BTreeSet<&'static str>,
    ) {
        match (values.len(), binding.kind) {
            (0, _) => drop(faults.insert("out-of-scope")),
            (_, Kind::Commas) => drop(put.insert(param.to_owned(), vec![values.join(",")])),
            (1, _) | (_, Kind::Repeated) => drop(put.insert(param.to_owned(), values)),
            _ => drop(faults.insert("scope-ambiguous")),
        }
    }

    /// Boxes that are alike in all sides but one become one more box, as long as there are such.
    fn unite(&self, boxes: &mut BTreeSet<Vec<BTreeSet<String>>>) {
        loop {
            let mut fresh = boxes.clone();
            for pattern in boxes.iter() {
                for free in 0..pattern.len() {
                    let alike = boxes
                        .iter()
                        .filter(|other| (0..pattern.len()).all(|at| at == free || other[at] == pattern[at]));
                    let mut united = pattern.clone();
                    united[free] = alike.flat_map(|other| other[free].iter().cloned()).collect();
                    fresh.insert(united);
                }
            }
            if fresh == *boxes {
                return;
            }
            *boxes = fresh;
        }
    }
}
